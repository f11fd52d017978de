"""Read-only access to a database server by its SQLAlchemy URL, with limits, and its schema.

Covered for PostgreSQL: every query runs in a read-only transaction that is rolled back, through a server-side cursor,
which takes one query and nothing else; the server's own statement timeout, and a deadline over all; a row limit. Not
covered: functions that reach beyond the database, as far as the server allows them to the role. Connect with a role
that may only read. A SQLite file by URL has the guards of `sqlite`.

Passwords do not belong in the URL, which is written into golden pairs and runs: `${NAME}` in any part of it stands for
an environment variable and is looked up when the connection is made. The schema is that of tables and views which plain
names mean on the server.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, ExecutionError, InvalidOption, PipesqlError
from pipesql.execution.connection import DEFAULT_LIMITS, Connection, QueryLimits, Result, dialect_of, plain
from pipesql.execution.sqlite import SqliteConnection, open_read_only
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

_FETCH = 2_000
_CANCELLED = "57014"  # PostgreSQL's code of a statement that exceeded its timeout


def open_server(url: str, limits: QueryLimits = DEFAULT_LIMITS) -> Connection:
    """Open the database that a URL names.

    Raises BadInput: not a URL, an unknown engine, a server that does not answer or refuses the connection.
    """
    parsed = parsed_url(url)
    if parsed.file is not None:
        pooled = connect(url).raw_connection()
        connection = pooled.driver_connection
        pooled.detach()  # else the pool would close it
        return SqliteConnection.adopt(connection, parsed.file, limits)
    return ServerConnection(parsed, limits)


class ServerConnection(Connection):
    """A PostgreSQL database. Values come as `connection.plain` gives them.

    Raises BadInput where the server does not answer.
    """

    def __init__(self, url: ServerUrl, limits: QueryLimits = DEFAULT_LIMITS) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        self.dialect = url.dialect
        self.url = url
        self.limits = limits
        self._trouble = SQLAlchemyError
        try:
            self._connection = connect(url.text).connect().execution_options(postgresql_readonly=True)
        except SQLAlchemyError as e:
            raise BadInput(f"the database {url.text} does not answer: {_reason(e)}") from e

    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the query), BadInput (the server)."""
        start = time.monotonic()
        try:
            with self._connection.begin() as transaction:
                columns, rows = self._rows(sql, start)
                transaction.rollback()
        except self._trouble as e:
            raise self._explained(e) from e
        return Result(columns, rows, time.monotonic() - start)

    def _rows(self, sql: str, start: float) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        self._connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(self.limits.timeout_s * 1000))}")
        streamed = {"stream_results": True, "max_row_buffer": _FETCH, "no_parameters": True}
        result = self._connection.exec_driver_sql(sql, execution_options=streamed)
        columns = tuple(d[0] for d in result.cursor.description)
        rows: list[tuple[Any, ...]] = []
        while batch := result.fetchmany(_FETCH):
            rows += [tuple(map(plain, row)) for row in batch]
            if len(rows) > self.limits.max_rows:
                raise self.limits.too_many_rows()
            if time.monotonic() - start > self.limits.timeout_s:
                raise self.limits.timeout()
        return columns, rows

    def _explained(self, error: Any) -> PipesqlError:
        if getattr(getattr(error, "orig", None), "sqlstate", None) == _CANCELLED:
            return self.limits.timeout()
        if getattr(error, "connection_invalidated", False):
            return BadInput(f"the database {self.url.text} has closed the connection: {_reason(error)}")
        return ExecutionError(f"the database refused the query: {_reason(error)}")

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


def _reason(error: Any) -> str:
    """The first line of the driver's message, without the statement and link that SQLAlchemy adds."""
    text = str(getattr(error, "orig", None) or error)
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)


_INSTALL = "install them: pip install 'pipesql[databases]'"


@dataclass(frozen=True)
class ServerUrl:
    """A URL without secrets. `file` is set if it names a SQLite file."""

    text: str
    dialect: str
    file: Path | None = None


def parsed_url(text: str) -> ServerUrl:
    """Raises InvalidOption: not a URL, an unknown engine, a password in plain text; BadInput: SQLAlchemy missing."""
    url = _made(text)
    shown = url.set(query={}).render_as_string(hide_password=True)
    dialect = dialect_of(text)
    secrets = [url.password, *(value for name, value in url.query.items() if "pass" in name.lower())]
    if any(secret is not None and not str(secret).startswith("$") for secret in secrets):
        raise InvalidOption(
            f"the URL {shown} holds a password, which would be written into the output; put it in an environment "
            "variable NAME and write ${NAME} instead"
        )
    file = Path(os.path.expandvars(url.database or "")) if dialect == "sqlite" else None
    return ServerUrl(text, dialect, file)


@lru_cache(maxsize=64)
def connect(text: str) -> Any:
    """A SQLAlchemy engine without a pool.

    Raises BadInput as `parsed_url` does, and for a driver that is not installed or a variable that is not set.
    """
    import sqlalchemy

    parsed, url = parsed_url(text), _made(text)
    if parsed.file is not None:
        path = parsed.file
        return sqlalchemy.create_engine(
            "sqlite://", creator=lambda: open_read_only(path), poolclass=sqlalchemy.NullPool
        )
    parts = {name: _expanded(getattr(url, name), text) for name in ("username", "password", "host", "database")}
    query = {name: _expanded(value, text) if isinstance(value, str) else value for name, value in url.query.items()}
    try:
        return sqlalchemy.create_engine(url.set(**parts, query=query), poolclass=sqlalchemy.NullPool)
    except ModuleNotFoundError as e:
        raise BadInput(f"the driver for {text} is missing ({e.name}); {_INSTALL}") from e


def _made(text: str) -> Any:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as e:
        raise BadInput(f"databases by URL need the packages sqlalchemy and psycopg; {_INSTALL}") from e
    try:
        return make_url(text)
    except (SQLAlchemyError, ValueError) as e:
        raise InvalidOption(f"{text} is not a SQLAlchemy URL; write it as postgresql://user@host/database") from e


def _expanded(value: str | None, text: str) -> str | None:
    if value is None:
        return None
    expanded = os.path.expandvars(value)
    if "$" in value and expanded == value:
        raise InvalidOption(f"an environment variable in the URL {text} is not set; set it, then try again")
    return expanded


@lru_cache(maxsize=64)
def read_server_schema(url: str) -> Schema:
    """Tables, then views, by name. Read once in a process.

    Raises BadInput: not a URL, an unknown engine, a server that does not answer or refuses to describe itself.
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
    """The table without foreign keys to tables that are not listed."""
    return Table(table.name, table.columns, tuple(k for k in table.foreign_keys if k.ref_table in kept))
