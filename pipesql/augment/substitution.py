"""Substitutions in the query and in the question: another column of the same table and type, another table with the
same columns, another value of the same column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from pipesql.augment.source import Change, Source
from pipesql.augment.wording import DETERMINERS, DISTRIBUTIVES, PRONOUNS, mentions, plural, readable, renamed, revalued
from pipesql.pipe.schema import Column, Table


def other_columns(source: Source) -> Iterator[Change]:
    """Replace each column that is only shown, averaged, summed, or shown for each of its values, by others like it.

    A column that is sorted by or compared is kept, since other words of the question (`the oldest`) may refer to it.
    """
    if source.simple is None:
        return
    columns = list(source.simple.find_all(exp.Column))
    for name in dict.fromkeys(c.name.lower() for c in columns):
        places = [c for c in columns if c.name.lower() == name]
        table = source.table_of(places[0])
        declared = table.column(name) if table is not None else None
        if table is None or declared is None or not _only_shown(places):
            continue
        if any(c.name.lower() == name and source.table_of(c) is not table for c in places):
            continue
        grouped = any(isinstance(c.parent, exp.Group) for c in places)
        for other in _alike(table, declared):
            question = _about_column(source, declared, other, DISTRIBUTIVES if grouped else DETERMINERS)
            if question is not None and other.name.lower() not in {c.name.lower() for c in columns}:
                yield Change(question, _with_column(source.tree, name, other))


def _only_shown(places: list[exp.Column]) -> bool:
    shown = [c for c in places if not isinstance(c.parent, exp.Group)]
    return len(shown) == 1 and _is_shown(shown[0])


def _is_shown(column: exp.Column) -> bool:
    node: exp.Expr = column
    if isinstance(node.parent, exp.Avg | exp.Sum):
        node = node.parent
    return isinstance(node.parent, exp.Select) and node.arg_key == "expressions"


def _alike(table: Table, column: Column) -> Iterator[Column]:
    """Columns of the same declared type, if neither they nor `column` are keys."""
    keys = {k.column.lower() for k in table.foreign_keys} | {c.name.lower() for c in table.columns if c.primary_key}
    if column.name.lower() in keys:
        return
    for other in table.columns:
        same = other.type.upper() == column.type.upper() and other.name.lower() != column.name.lower()
        if same and other.name.lower() not in keys:
            yield other


def _about_column(source: Source, column: Column, other: Column, after: frozenset[str]) -> str | None:
    """The question about the other column; None if its words may mean something else.

    That is so if they are part of a longer name of the schema, or if a pronoun may refer to the column.
    """
    question, words = source.pair.question, readable(column.name)
    longer = {name for name in source.names() if words in name and name != words}
    if any(mentions(question, name) for name in longer) or mentions(question, readable(other.name)):
        return None
    if mentions(question, "number of"):  # "the total number of seats" is a sum
        return None
    if mentions(source.pair.evidence, words) or any(mentions(question, pronoun) for pronoun in PRONOUNS):
        return None
    return renamed(question, words, readable(other.name), after)


def _with_column(tree: exp.Query, name: str, other: Column) -> exp.Query:
    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.name.lower() == name:
            quoted = bool(node.this.args.get("quoted")) or not other.name.isidentifier()
            node.set("this", exp.to_identifier(other.name, quoted=quoted))
        return node

    return tree.transform(change)


_PREPOSITIONS = frozenset(["at", "by", "for", "from", "in", "of", "on", "to", "with"])


def other_tables(source: Source) -> Iterator[Change]:
    """Replace the table of a query without conditions by tables with the same columns, by name and type."""
    table, tree = source.single, source.simple
    if table is None or tree is None or tree.args.get("where") is not None or tree.args.get("having") is not None:
        return
    used = {c.name.lower() for c in tree.find_all(exp.Column)}
    for other in source.schema:
        if other.name == table.name or not all(_has_alike(other, table, name) for name in used):
            continue
        question = _about_table(source, table, other)
        if question is not None:
            yield Change(question, _with_table(source.tree, table, other))


def _has_alike(other: Table, table: Table, name: str) -> bool:
    mine, theirs = table.column(name), other.column(name)
    return mine is not None and theirs is not None and mine.type.upper() == theirs.type.upper()


def _about_table(source: Source, table: Table, other: Table) -> str | None:
    question, old, new = source.pair.question, readable(table.name), readable(other.name)
    if not old or not new or mentions(question, new) or source.pair.evidence:
        return None
    longer = {name for name in source.names() if old in name and name != old}
    if any(mentions(question, name) for name in longer):
        return None
    old_many, new_many = plural(old), plural(new)
    if old_many is None or new_many is None or new.split()[-1] in _PREPOSITIONS:
        return None
    return renamed(question, old_many, new_many, DETERMINERS | {"many"})


def _with_table(tree: exp.Query, table: Table, other: Table) -> exp.Query:
    def change(node: exp.Expr) -> exp.Expr:
        quoted = not other.name.isidentifier()
        if isinstance(node, exp.Table):
            node.set("this", exp.to_identifier(other.name, quoted=quoted))
        elif isinstance(node, exp.Column) and node.table.lower() == table.name.lower():
            node.set("table", exp.to_identifier(other.name, quoted=quoted))
        return node

    return tree.transform(change)


_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_LONGEST = 40
_SINGULAR = 1  # "1 dog", "2 dogs": the words around would have to change


def other_values(source: Source) -> Iterator[Change]:
    """Replace each value that a column is compared with, and that the question spells out, by others of the column."""
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
                yield Change(question, _with_value(source.tree, literal, value))


def _is_like(value: Any, literal: exp.Literal) -> bool:
    """Whether a value is another one of the literal's kind, and fits into a sentence."""
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


def _with_value(tree: exp.Query, literal: exp.Literal, value: Any) -> exp.Query:
    new = exp.Literal.string(value) if literal.is_string else exp.Literal.number(value)
    return tree.transform(lambda node: new.copy() if node == literal and isinstance(node, exp.Literal) else node)
