"""The names that are visible at a place in a query, spelt as the printer spells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipesql.errors import UnknownName
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.schema import Schema, Table
from pipesql.pipe.scope import Scope


def spelt(name: str) -> str:
    """A name as it stands in pipe SQL, in backticks where it needs them."""
    return str(identifier(name).sql(dialect="bigquery"))


def visible(scope: Scope) -> list[str]:
    """All names of the scope's columns, `column` and `variable.column`, except those that are ambiguous."""
    plain = (((c.name, ""), spelt(c.name)) for c in scope.columns if c.name)
    return [text for (name, owner), text in _once([*plain, *_qualified(scope)]) if _means_one(scope, name, owner)]


def qualified(scope: Scope) -> list[str]:
    """The names with a range variable only: those by which a nested query refers to the query around it."""
    return [text for (name, owner), text in _once(_qualified(scope)) if _means_one(scope, name, owner)]


def columns_of(table: Table) -> list[str]:
    """The columns of a table, each with and without the table's name."""
    own = [spelt(c.name) for c in table.columns]
    return [*own, *(f"{spelt(table.name)}.{column}" for column in own)]


def all_columns(schema: Schema) -> list[str]:
    """The names of all columns of all tables, each once."""
    return list(dict.fromkeys(spelt(c.name) for table in schema for c in table.columns))


Named = tuple[tuple[str, str], str]
"""((column, range variable), text)."""


def _qualified(scope: Scope) -> Iterator[Named]:
    for variable in scope.variables.values():
        owner = spelt(variable.name)
        yield from (((c.name, variable.name), f"{owner}.{spelt(c.name)}") for c in variable.columns if c.name)


def _once(names: Iterable[Named]) -> list[Named]:
    return list({text: (name, text) for name, text in names}.values())


def _means_one(scope: Scope, name: str, owner: str) -> bool:
    try:
        scope.find(name, owner)
    except UnknownName:
        return False
    return True
