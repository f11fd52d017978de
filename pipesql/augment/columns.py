"""Another column of the same table and type, in the query and in the question."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pipesql.augment.source import Change, Source
from pipesql.augment.wording import DETERMINERS, DISTRIBUTIVES, PRONOUNS, mentions, readable, renamed
from pipesql.pipe.schema import Column, Table


def other_columns(source: Source) -> Iterator[Change]:
    """For each column that is only shown, averaged, summed, or shown for each of its values: the others like it.

    A column that is sorted by or compared may be meant by other words of the question (`the oldest`): it stays.
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
            question = _asked(source, declared, other, DISTRIBUTIVES if grouped else DETERMINERS)
            if question is not None and other.name.lower() not in {c.name.lower() for c in columns}:
                yield Change(question, _with(source.tree, name, other))


def _only_shown(places: list[exp.Column]) -> bool:
    shown = [c for c in places if not isinstance(c.parent, exp.Group)]
    return len(shown) == 1 and _is_shown(shown[0])


def _is_shown(column: exp.Column) -> bool:
    node: exp.Expr = column
    if isinstance(node.parent, exp.Avg | exp.Sum):
        node = node.parent
    return isinstance(node.parent, exp.Select) and node.arg_key == "expressions"


def _alike(table: Table, column: Column) -> Iterator[Column]:
    """Columns of the same declared type that are no keys, as `column` is none."""
    keys = {k.column.lower() for k in table.foreign_keys} | {c.name.lower() for c in table.columns if c.primary_key}
    if column.name.lower() in keys:
        return
    for other in table.columns:
        same = other.type.upper() == column.type.upper() and other.name.lower() != column.name.lower()
        if same and other.name.lower() not in keys:
            yield other


def _asked(source: Source, column: Column, other: Column, behind: frozenset[str]) -> str | None:
    """The question about the other column; None where the words may mean something else.

    That is so where a longer name of the schema stands there, or a pronoun that may refer to the column.
    """
    question, words = source.pair.question, readable(column.name)
    longer = {name for name in source.names() if words in name and name != words}
    if any(mentions(question, name) for name in longer) or mentions(question, readable(other.name)):
        return None
    if mentions(question, "number of"):  # "the total number of seats" is a sum
        return None
    if mentions(source.pair.evidence, words) or any(mentions(question, pronoun) for pronoun in PRONOUNS):
        return None
    return renamed(question, words, readable(other.name), behind)


def _with(tree: exp.Query, name: str, other: Column) -> exp.Query:
    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.name.lower() == name:
            quoted = bool(node.this.args.get("quoted")) or not other.name.isidentifier()
            node.set("this", exp.to_identifier(other.name, quoted=quoted))
        return node

    return tree.transform(change)
