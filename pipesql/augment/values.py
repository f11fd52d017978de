"""Another value of the same column, in the query and in the question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from pipesql.augment.source import Change, Source
from pipesql.augment.wording import revalued

_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_LONGEST = 40
_SINGULAR = 1  # "1 dog", "2 dogs": the words around would have to change


def other_values(source: Source) -> Iterator[Change]:
    """For each comparison of a column with a value that the question spells out: the other values of the column."""
    for comparison in source.tree.find_all(*_COMPARISONS):
        column, literal = comparison.this, comparison.expression
        if not isinstance(column, exp.Column) or not isinstance(literal, exp.Literal):
            continue
        if sum(other == literal for other in source.tree.find_all(exp.Literal)) != 1:
            continue
        table = source.table_of(column)
        declared = table.column(column.name) if table is not None else None
        if table is None or declared is None or literal.name in source.pair.evidence:
            continue
        for value in source.values(table, declared):
            if not _is_like(value, literal):
                continue
            question = revalued(source.pair.question, literal.name, str(value))
            if question is not None and str(value) not in source.pair.question:
                yield Change(question, _with(source.tree, literal, value))


def _is_like(value: Any, literal: exp.Literal) -> bool:
    """A value of the literal's kind, other than it, that can stand in a sentence."""
    if literal.is_string:
        return (
            isinstance(value, str)
            and value != literal.name
            and 0 < len(value) <= _LONGEST
            and value.isprintable()
            and value == value.strip()
            and not set(value) & set("'\"`")
            and any(c.isalnum() for c in value)
        )
    if isinstance(value, bool) or not isinstance(value, int) or not literal.is_int:
        return False
    return value >= 0 and _SINGULAR not in (value, int(literal.name)) and value != int(literal.name)


def _with(tree: exp.Query, literal: exp.Literal, value: Any) -> exp.Query:
    new = exp.Literal.string(value) if literal.is_string else exp.Literal.number(value)
    return tree.transform(lambda node: new.copy() if node == literal and isinstance(node, exp.Literal) else node)
