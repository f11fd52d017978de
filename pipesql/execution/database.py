"""A database by its path or URL, whatever its engine: schema and dialect, opened, copied, digested.

| database | engine | perturbed and reversed copies |
|---|---|---|
| a SQLite file | SQLite | yes |
| a DuckDB file | DuckDB | yes |
| a URL (`postgresql://…`, `sqlite:///…`) | SQLAlchemy, and the server's own | no: a server is only read |
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.execution.connection import DEFAULT_LIMITS, Connection, Engine, QueryLimits, dialect_of, engine_of
from pipesql.execution.sqlite import SqliteConnection, read_sqlite_schema
from pipesql.pipe.schema import Schema
from pipesql.storage import content_digest, file_digest

if TYPE_CHECKING:
    from pipesql.execution.value_seeding import SeedValues


@dataclass(frozen=True, init=False)
class Database:
    """A SQLite or DuckDB file, or a server's database, and the limits of each query on it.

    Nothing is read before it is needed. Databases with the same location and limits are equal; they can be pickled.
    """

    location: str
    """A path, or a URL."""
    limits: QueryLimits

    def __init__(self, location: Path | str, limits: QueryLimits = DEFAULT_LIMITS) -> None:
        object.__setattr__(self, "location", str(location))
        object.__setattr__(self, "limits", limits)

    @cached_property
    def engine(self) -> Engine:
        """The engine that opens it."""
        return engine_of(self.location)

    @cached_property
    def dialect(self) -> str:
        """The name of its SQL in sqlglot. Raises InvalidOption for a URL of an unknown engine."""
        return dialect_of(self.location)

    @property
    def schema(self) -> Schema:
        """Tables and views in declaration order, in the database's own spelling. Cached until the file changes.

        Raises BadInput when the database is missing, damaged, locked, or cannot be read.
        """
        match self.engine:
            case Engine.DUCKDB:
                from pipesql.execution.duckdb import read_duckdb_schema

                return read_duckdb_schema(Path(self.location))
            case Engine.URL:
                from pipesql.execution.server import read_server_schema

                return read_server_schema(self.location)
            case Engine.SQLITE:
                return read_sqlite_schema(Path(self.location))

    @property
    def digest(self) -> str:
        """SHA-256 of a file's bytes; of a server, of its URL (without any password) and the schema, not of its rows."""
        if self.engine is not Engine.URL:
            return file_digest(Path(self.location))
        described = [
            [t.name, [[c.name, c.type, c.primary_key] for c in t.columns], [astuple(k) for k in t.foreign_keys]]
            for t in self.schema
        ]
        return content_digest([self.location, described])

    def open(self, limits: QueryLimits | None = None) -> Connection:
        """Open it read-only, with its own limits or others.

        Raises BadInput when it is missing, damaged, locked, or cannot be read, or when a server does not answer.
        """
        limits = limits or self.limits
        match self.engine:
            case Engine.DUCKDB:
                from pipesql.execution.duckdb import DuckDbConnection

                return DuckDbConnection(self.location, limits)
            case Engine.URL:
                from pipesql.execution.server import open_server

                return open_server(self.location, limits)
            case Engine.SQLITE:
                return SqliteConnection(self.location, limits)

    @property
    def can_be_copied(self) -> bool:
        """Whether copies can be made: of files yes, of servers no."""
        return self.engine is not Engine.URL

    def perturbed_copy(self, seed: int = 0, values: SeedValues | None = None, *, reverse: bool = False) -> Connection:
        """Open an in-memory perturbed copy of the file (`perturb.perturbed`). Raises BadInput as `open` does."""
        if self.engine is Engine.DUCKDB:
            from pipesql.execution.duckdb_copy import perturbed_duckdb

            return perturbed_duckdb(Path(self.location), seed, values, reverse=reverse, limits=self.limits)
        from pipesql.execution.perturb import perturbed

        return perturbed(Path(self.location), seed, values, reverse=reverse, limits=self.limits)

    def reversed_copy(self) -> Connection:
        """Open an in-memory copy of the file, each table's rows in reverse order. Raises BadInput as `open` does."""
        if self.engine is Engine.DUCKDB:
            from pipesql.execution.duckdb_copy import reversed_duckdb

            return reversed_duckdb(Path(self.location), self.limits)
        from pipesql.execution.perturb import reversed_rows

        return reversed_rows(Path(self.location), self.limits)
