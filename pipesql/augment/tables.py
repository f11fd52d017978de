"""Another table that has the columns asked for, in the query and in the question."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pipesql.augment.source import Change, Source
from pipesql.augment.wording import DETERMINERS, mentions, plural, readable, renamed
from pipesql.pipe.schema import Table

_PREPOSITIONS = frozenset(["at", "by", "for", "from", "in", "of", "on", "to", "with"])


def other_tables(source: Source) -> Iterator[Change]:
    """For a query of one table without conditions: the tables that have the same columns, by name and type."""
    table, tree = source.single, source.simple
    if table is None or tree is None or tree.args.get("where") is not None or tree.args.get("having") is not None:
        return
    used = {c.name.lower() for c in tree.find_all(exp.Column)}
    for other in source.schema:
        if other.name == table.name or not all(_has_alike(other, table, name) for name in used):
            continue
        question = _asked(source, table, other)
        if question is not None:
            yield Change(question, _with(source.tree, table, other))


def _has_alike(other: Table, table: Table, name: str) -> bool:
    mine, theirs = table.column(name), other.column(name)
    return mine is not None and theirs is not None and mine.type.upper() == theirs.type.upper()


def _asked(source: Source, table: Table, other: Table) -> str | None:
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


def _with(tree: exp.Query, table: Table, other: Table) -> exp.Query:
    def change(node: exp.Expr) -> exp.Expr:
        quoted = not other.name.isidentifier()
        if isinstance(node, exp.Table):
            node.set("this", exp.to_identifier(other.name, quoted=quoted))
        elif isinstance(node, exp.Column) and node.table.lower() == table.name.lower():
            node.set("table", exp.to_identifier(other.name, quoted=quoted))
        return node

    return tree.transform(change)
