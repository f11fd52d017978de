"""The schema of a database by its SQLAlchemy URL: tables and views of the schema that plain names mean there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipesql.errors import BadInput
from pipesql.execution.server_url import connect, parsed_url
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table


@lru_cache(maxsize=64)
def read_server_schema(url: str) -> Schema:
    """Tables, then views, by name. Read once in the life of a process.

    Raises BadInput: no URL, a server that is not known here, does not answer or refuses to describe itself.
    """
    parsed = parsed_url(url)
    from sqlalchemy import inspect
    from sqlalchemy.engine.reflection import ObjectKind
    from sqlalchemy.exc import SQLAlchemyError

    try:
        server = connect(url)
        inspector = inspect(server)
        columns = {name: found for (_, name), found in inspector.get_multi_columns(kind=ObjectKind.ANY).items()}
        keys = {name: found for (_, name), found in inspector.get_multi_pk_constraint().items()}
        foreign = {name: found for (_, name), found in inspector.get_multi_foreign_keys().items()}
        order = [*sorted(inspector.get_table_names()), *sorted(inspector.get_view_names())]
    except SQLAlchemyError as e:
        raise BadInput(f"the schema of {url} cannot be read: {getattr(e, 'orig', None) or e}") from e
    tables = [
        _table(name, columns[name], keys.get(name), foreign.get(name) or [], parsed.dialect, server.dialect)
        for name in order
        if columns.get(name)
    ]
    kept = {table.name for table in tables}
    return Schema(tuple(_within(table, kept) for table in tables), name=str(inspector.engine.url.database or ""))


def _table(name: str, columns: Any, key: Any, foreign: Any, dialect: str, engine: Any) -> Table:
    primary = set((key or {}).get("constrained_columns") or [])
    found = []
    for column in columns:
        kind = _type(column["type"], engine)
        # SQLite keeps whole numbers of such a column as integers, and then divides them as such
        fractional = dialect != "sqlite" and kind.startswith(("NUMERIC", "DECIMAL"))
        found.append(Column(column["name"], kind, column["name"] in primary, fractional))
    keys = [
        ForeignKey(own, fk["referred_table"], theirs)
        for fk in foreign
        for own, theirs in zip(fk["constrained_columns"], fk["referred_columns"], strict=False)
        if fk["referred_schema"] is None
    ]
    return Table(name, tuple(found), tuple(keys))


def _type(kind: Any, engine: Any) -> str:
    from sqlalchemy.exc import CompileError

    try:
        return str(kind.compile(dialect=engine))
    except CompileError:  # a type that SQLAlchemy does not know
        return ""


def _within(table: Table, kept: set[str]) -> Table:
    """Without foreign keys to tables that are not listed."""
    return Table(table.name, table.columns, tuple(k for k in table.foreign_keys if k.ref_table in kept))
