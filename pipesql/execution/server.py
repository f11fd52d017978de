"""Read-only access to a database by its SQLAlchemy URL, with limits.

Covered for PostgreSQL: every statement runs in a read-only transaction that is rolled back, through a server-side
cursor, which takes one query and nothing else; the server's own statement timeout, and a deadline over all; a row
limit. Not covered: functions that reach beyond the database, which the server allows to the role it is asked as. Ask
with a role that may only read. A SQLite file by URL has the guards of `sqlite`.
"""

from __future__ import annotations

import time
from typing import Any

from pipesql.errors import BadInput, ExecutionError, PipesqlError, QueryTimeout, TooManyRows
from pipesql.execution.database import Database, Result, plain
from pipesql.execution.server_url import ServerUrl, connect, parsed_url
from pipesql.execution.sqlite import SqliteDatabase

_FETCH = 2_000
_CANCELLED = "57014"  # PostgreSQL's code of a statement that ran past its timeout


def open_server(url: str, timeout_s: float = 5.0, max_rows: int = 100_000) -> Database:
    """The database that a URL names.

    Raises BadInput: no URL, a server that is not known here, does not answer or refuses the connection.
    """
    parsed = parsed_url(url)
    if parsed.file is not None:
        pooled = connect(url).raw_connection()
        connection = pooled.driver_connection
        pooled.detach()  # else the pool would close it
        return SqliteDatabase.adopt(connection, parsed.file, timeout_s, max_rows)
    return ServerDatabase(parsed, timeout_s, max_rows)


class ServerDatabase(Database):
    """A PostgreSQL database, read-only, each statement under a deadline (seconds) and a row limit.

    Values come as `database.plain` gives them. Raises BadInput where the server does not answer. Use as a context
    manager, or call `close`.
    """

    def __init__(self, url: ServerUrl, timeout_s: float = 5.0, max_rows: int = 100_000) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        self.dialect = url.dialect
        self.url = url
        self.timeout_s = timeout_s
        self.max_rows = max_rows
        self._trouble = SQLAlchemyError
        try:
            self._connection = connect(url.text).connect().execution_options(postgresql_readonly=True)
        except SQLAlchemyError as e:
            raise BadInput(f"the database {url.text} does not answer: {_reason(e)}") from e

    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the statement), BadInput (server)."""
        start = time.monotonic()
        try:
            with self._connection.begin() as transaction:
                columns, rows = self._rows(sql, start)
                transaction.rollback()
        except self._trouble as e:
            raise self._explained(e) from e
        return Result(columns, rows, time.monotonic() - start)

    def _rows(self, sql: str, start: float) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        self._connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(self.timeout_s * 1000))}")
        streamed = {"stream_results": True, "max_row_buffer": _FETCH, "no_parameters": True}
        result = self._connection.exec_driver_sql(sql, execution_options=streamed)
        columns = tuple(d[0] for d in result.cursor.description)
        rows: list[tuple[Any, ...]] = []
        while batch := result.fetchmany(_FETCH):
            rows += [tuple(map(plain, row)) for row in batch]
            if len(rows) > self.max_rows:
                raise TooManyRows(f"the query returns more than {self.max_rows} rows; add a LIMIT or a filter")
            if time.monotonic() - start > self.timeout_s:
                raise self._late()
        return columns, rows

    def _late(self) -> QueryTimeout:
        return QueryTimeout(f"the query ran longer than {self.timeout_s:g} s and was stopped; filter or limit it")

    def _explained(self, error: Any) -> PipesqlError:
        if getattr(getattr(error, "orig", None), "sqlstate", None) == _CANCELLED:
            return self._late()
        if getattr(error, "connection_invalidated", False):
            return BadInput(f"the database {self.url.text} has closed the connection: {_reason(error)}")
        return ExecutionError(f"the database refused the query: {_reason(error)}")

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


def _reason(error: Any) -> str:
    """The driver's own first line; SQLAlchemy puts the statement and a link behind it."""
    text = str(getattr(error, "orig", None) or error)
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
