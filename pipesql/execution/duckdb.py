"""Read-only access to one DuckDB file, with limits.

Covered: the file is opened read-only; a statement must be one SELECT; files, ATTACH, COPY and extensions are out of
reach (`enable_external_access`), and so are Python's own variables; settings are locked; a deadline stops a statement
that runs on, a row limit one that returns too much; DuckDB may take `MEMORY` for its work. Not covered: more than the
schema `main`, and the size of single values.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, ExecutionError, QueryTimeout, TooManyRows
from pipesql.execution.database import Database, Result, plain

try:
    import duckdb
except ImportError as e:
    raise BadInput("DuckDB files need the package duckdb; install it: pip install 'pipesql[databases]'") from e

MEMORY = "2GB"
"""Most that DuckDB takes for sorting, grouping and joining."""

_FETCH = 2_000
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": MEMORY,
    # One thread: FIRST, ANY_VALUE and rows without an order then come alike each time.
    "threads": "1",
}
_LOCKS = ("python_enable_replacements = false", "enable_external_access = false", "lock_configuration = true")


def open_read_only(path: Path) -> Any:
    """A connection that cannot write to `path`, nor touch any other file.

    Raises BadInput: missing, not a database, locked, unreadable.
    """
    if not path.is_file():
        what = (
            "is a folder; give the path of the DuckDB file in it" if path.is_dir() else "does not exist; check the path"
        )
        raise BadInput(f"database {path} {what}")
    try:
        connection = duckdb.connect(str(path), read_only=True, config=dict(_SETTINGS))
        lock(connection)
    except duckdb.Error as e:
        raise BadInput(_file_trouble(path, e)) from e
    return connection


def open_in_memory() -> Any:
    """An empty database that may read files until it is locked (`lock`)."""
    return duckdb.connect(":memory:", config=dict(_SETTINGS))


def lock(connection: Any) -> None:
    """From now on the connection reaches nothing but its own tables. Locking twice is fine."""
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone()[0]:
        return
    for setting in _LOCKS:
        connection.execute(f"SET {setting}")


class DuckDbDatabase(Database):
    """One DuckDB database, read-only, each statement under a deadline (seconds) and a row limit.

    Values come as `database.plain` gives them. Raises BadInput when the file is missing, is no database, is locked or
    cannot be read. Use as a context manager, or call `close`.
    """

    dialect = "duckdb"

    def __init__(self, path: Path | str, timeout_s: float = 5.0, max_rows: int = 100_000) -> None:
        self._setup(open_read_only(Path(path)), Path(path), timeout_s, max_rows)

    @classmethod
    def adopt(cls, connection: Any, path: Path, timeout_s: float = 5.0, max_rows: int = 100_000) -> DuckDbDatabase:
        """Guard an open connection (an in-memory copy of `path`, say); from now on it only reads."""
        lock(connection)
        database = cls.__new__(cls)
        database._setup(connection, path, timeout_s, max_rows)
        return database

    def _setup(self, connection: Any, path: Path, timeout_s: float, max_rows: int) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self.max_rows = max_rows
        self._connection = connection

    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the statement), BadInput (the file)."""
        start = time.monotonic()
        deadline = _Deadline(self._connection, self.timeout_s)
        try:
            statement = self._only_query(sql)
            with deadline:
                cursor = self._connection.execute(statement)
                columns = tuple(d[0] for d in cursor.description)
                rows: list[tuple[Any, ...]] = []
                while batch := cursor.fetchmany(_FETCH):
                    rows += [tuple(map(plain, row)) for row in batch]
                    if len(rows) > self.max_rows:
                        raise TooManyRows(f"the query returns more than {self.max_rows} rows; add a LIMIT or a filter")
        except (duckdb.Error, RuntimeError, ValueError, OverflowError) as e:
            if deadline.passed:
                limit = f"{self.timeout_s:g} s"
                raise QueryTimeout(f"the query ran longer than {limit} and was stopped; filter or limit it") from e
            raise ExecutionError(f"the database refused the query: {_first_line(e)}") from e
        return Result(columns, rows, time.monotonic() - start)

    def _only_query(self, sql: str) -> Any:
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise ExecutionError(f"one query is expected, found {len(statements)} statements; run them one by one")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = statements[0].type.name
            raise ExecutionError(f"refused: {kind} does more than read; only queries run")
        return statements[0]

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


class _Deadline:
    """Interrupts a connection when the block has run too long; never one that the block has left."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self.passed = False
        self._connection = connection
        self._inside = threading.Lock()
        self._left = False
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True

    def _stop(self) -> None:
        with self._inside:
            if not self._left:
                self.passed = True
                self._connection.interrupt()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._inside:
            self._left = True


def _file_trouble(path: Path, error: Exception) -> str:
    text = _first_line(error)
    if "lock" in text.lower():
        return f"database {path} is locked by another process; close that process or wait for it, then try again"
    if "not a valid DuckDB" in text:
        return f"database {path} is not a DuckDB database; check the path, or restore the file"
    return f"database {path} cannot be opened: {text}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
