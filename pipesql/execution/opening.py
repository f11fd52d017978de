"""A database by its path or URL, whatever engine it belongs to: opened, copied, told apart.

| database | engine | copies to disturb |
|---|---|---|
| a SQLite file | SQLite | yes |
| a DuckDB file | DuckDB | yes |
| a URL (`postgresql://…`, `sqlite:///…`) | SQLAlchemy, and the server's own | no: a server is only read |

The schema is read by `schema.read_schema`, which takes the same paths and URLs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from pipesql.execution.database import Database, Engine, engine_of
from pipesql.execution.perturb import Literal, perturbed, reversed_rows
from pipesql.execution.schema import read_schema
from pipesql.execution.sqlite import SqliteDatabase
from pipesql.execution.value_seeding import Sought
from pipesql.storage import content_digest, file_digest


def open_database(database: Path | str, timeout_s: float = 5.0, max_rows: int = 100_000) -> Database:
    """The database, read-only, with a deadline (seconds) and a row limit for each statement.

    Raises BadInput: missing, no database, locked, unreadable, a server that does not answer or is not known here.
    """
    match engine_of(database):
        case Engine.DUCKDB:
            from pipesql.execution.duckdb import DuckDbDatabase

            return DuckDbDatabase(database, timeout_s, max_rows)
        case Engine.URL:
            from pipesql.execution.server import open_server

            return open_server(str(database), timeout_s, max_rows)
        case Engine.SQLITE:
            return SqliteDatabase(database, timeout_s, max_rows)


def can_be_copied(database: Path | str) -> bool:
    """Whether `disturbed_copy` and `reversed_copy` can be made."""
    return engine_of(database) is not Engine.URL


def disturbed_copy(
    database: Path | str,
    seed: int = 0,
    literals: Sequence[Literal] = (),
    sought: Sequence[Sought] = (),
    reverse: bool = False,
    timeout_s: float = 5.0,
) -> Database:
    """An in-memory disturbed copy of a file (`perturb.perturbed` says how). Raises BadInput when it cannot be read."""
    if engine_of(database) is Engine.DUCKDB:
        from pipesql.execution.duckdb_copy import perturbed_duckdb

        return perturbed_duckdb(Path(database), seed, literals, sought, reverse, timeout_s)
    return perturbed(Path(database), seed, literals, sought, reverse, timeout_s)


def reversed_copy(database: Path | str, timeout_s: float = 5.0) -> Database:
    """An in-memory copy of a file, each table's rows in reverse order. Raises BadInput when it cannot be read."""
    if engine_of(database) is Engine.DUCKDB:
        from pipesql.execution.duckdb_copy import reversed_duckdb

        return reversed_duckdb(Path(database), timeout_s)
    return reversed_rows(Path(database), timeout_s)


def database_digest(database: Path | str) -> str:
    """SHA-256 of a file's bytes; of a server, of its URL (which holds no password) and the schema, not of its rows."""
    if engine_of(database) is not Engine.URL:
        return file_digest(Path(database))
    described = [
        [t.name, [[c.name, c.type, c.primary_key] for c in t.columns], [astuple(k) for k in t.foreign_keys]]
        for t in read_schema(database)
    ]
    return content_digest([str(database), described])
