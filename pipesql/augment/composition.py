"""The filter of one question, put into another about the same table that counts, sums or averages.

`How many singers are there?` and `What are the names of the singers whose country is France?` give
`How many singers whose country is France are there?`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from pipesql.augment.source import Change, Source
from pipesql.augment.wording import mentions, plural, readable, split_at
from pipesql.pipe.schema import Table

_LEADS = ("who", "whose", "that", "which", "with", "where", "older", "younger")
_ORDERING = "order ordered sorted sort ascending descending alphabetical each different distinct"
_ELSEWHERE = (*_ORDERING.split(), "their", "its", "his", "her", "show", "list", "also")
"""Words of a phrase that is more than a filter."""
_AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Max, exp.Min)


@dataclass(frozen=True)
class Filter:
    """The phrase of a question after the table's name, and the condition that it expresses."""

    table: Table
    phrase: str
    condition: exp.Expr
    parent: str


def filter_of(source: Source) -> Filter | None:
    """The filter of a query of one table, if the end of the question expresses it and nothing else."""
    table, tree = source.single, source.simple
    if table is None or tree is None or source.pair.evidence:
        return None
    where = tree.args.get("where")
    if where is None or any(tree.args.get(part) for part in ("group", "having", "order", "limit", "distinct")):
        return None
    literals = {node.name.strip("%") for node in where.find_all(exp.Literal)}
    cut = _cut(source, table)
    if cut is None or not all(condition.find(exp.Literal) for condition in _conditions(where.this)):
        return None
    head, phrase, _ = cut
    if not phrase.startswith(_starts()) or any(mentions(phrase, word) for word in _ELSEWHERE):
        return None
    if not all(mentions(phrase, text) and not mentions(head, text) for text in literals):
        return None
    return Filter(table, phrase, _unqualified(where.this), source.pair.id)


def filtered(source: Source, filters: Sequence[Filter]) -> Iterator[Change]:
    """The question and gold of an aggregate over a whole table, under each filter of that table."""
    table, tree = source.single, source.simple
    if table is None or tree is None or source.pair.evidence or not _is_aggregate(tree):
        return
    cut = _cut(source, table)
    if cut is None or (cut[1] and cut[1].lower().split()[0] not in ("are", "do", "is", "in")):
        return
    head, rest, mark = cut
    for each in filters:
        if each.table.name == table.name and each.parent != source.pair.id:
            question = f"{head} {each.phrase}{' ' if rest else ''}{rest}{mark}"
            yield Change(question, _with(tree, each.condition), (each.parent,))


def _starts() -> tuple[str, ...]:
    return tuple(f"{lead} " for lead in _LEADS)


def _conditions(node: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that AND, OR, NOT and brackets combine."""
    if isinstance(node, exp.And | exp.Or):
        yield from _conditions(node.this)
        yield from _conditions(node.expression)
    elif isinstance(node, exp.Paren | exp.Not):
        yield from _conditions(node.this)
    else:
        yield node


def _cut(source: Source, table: Table) -> tuple[str, str, str] | None:
    """The question up to and including the table's name in the plural, the rest, and the final mark."""
    many = plural(readable(table.name))
    return split_at(source.pair.question, many) if many is not None else None


def _is_aggregate(tree: exp.Select) -> bool:
    parts = ("where", "group", "having", "order", "limit", "distinct")
    return not any(tree.args.get(part) for part in parts) and all(
        isinstance(item.unalias(), _AGGREGATES) for item in tree.selects
    )


def _unqualified(condition: exp.Expr) -> exp.Expr:
    def change(node: exp.Expr) -> exp.Expr:
        return exp.Column(this=node.this) if isinstance(node, exp.Column) else node

    return condition.copy().transform(change)


def _with(tree: exp.Select, condition: exp.Expr) -> exp.Query:
    new = tree.copy()
    new.set("where", exp.Where(this=condition.copy()))
    return new
