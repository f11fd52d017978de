"""Read-only access to one DuckDB file, with limits, and its schema.

Covered: the file is opened read-only; a statement must be one SELECT; files, ATTACH, COPY and extensions are out of
reach (`enable_external_access`), and so are Python's own variables; settings are locked; a deadline stops a query that
runs on, a row limit one that returns too much; DuckDB may take `MEMORY` for its work. Not covered: more than the schema
`main`, and the size of single values.
"""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, ExecutionError, InvalidFile
from pipesql.execution.connection import DEFAULT_LIMITS, Connection, QueryLimits, Result, plain
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

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

    Raises InvalidFile: missing, not a database, locked, unreadable.
    """
    if not path.is_file():
        what = (
            "is a folder; give the path of the DuckDB file in it" if path.is_dir() else "does not exist; check the path"
        )
        raise InvalidFile(f"database {path} {what}")
    try:
        connection = duckdb.connect(str(path), read_only=True, config=dict(_SETTINGS))
        lock(connection)
    except duckdb.Error as e:
        raise InvalidFile(_file_trouble(path, e)) from e
    return connection


def open_in_memory() -> Any:
    """An empty database that may read files until it is locked (`lock`)."""
    return duckdb.connect(":memory:", config=dict(_SETTINGS))


def lock(connection: Any) -> None:
    """From now on the connection can read only its own tables. Locking twice is fine."""
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone()[0]:
        return
    for setting in _LOCKS:
        connection.execute(f"SET {setting}")


class DuckDbConnection(Connection):
    """One DuckDB database. Values come as `connection.plain` gives them.

    Raises InvalidFile when the file is missing, damaged, locked, or not a DuckDB database, or cannot be read.
    """

    dialect = "duckdb"

    def __init__(self, path: Path | str, limits: QueryLimits = DEFAULT_LIMITS) -> None:
        self._setup(open_read_only(Path(path)), Path(path), limits)

    @classmethod
    def adopt(cls, connection: Any, path: Path, limits: QueryLimits = DEFAULT_LIMITS) -> DuckDbConnection:
        """Guard an open connection (such as one to an in-memory copy of `path`); from now on it only reads."""
        lock(connection)
        guarded = cls.__new__(cls)
        guarded._setup(connection, path, limits)
        return guarded

    def _setup(self, connection: Any, path: Path, limits: QueryLimits) -> None:
        self.path = path
        self.limits = limits
        self._connection = connection

    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the query), InvalidFile (the file)."""
        start = time.monotonic()
        deadline = _Deadline(self._connection, self.limits.timeout_s)
        try:
            statement = self._only_query(sql)
            with deadline:
                cursor = self._connection.execute(statement)
                columns = tuple(d[0] for d in cursor.description)
                rows: list[tuple[Any, ...]] = []
                while batch := cursor.fetchmany(_FETCH):
                    rows += [tuple(map(plain, row)) for row in batch]
                    if len(rows) > self.limits.max_rows:
                        raise self.limits.too_many_rows()
        except (duckdb.Error, RuntimeError, ValueError, OverflowError) as e:
            if deadline.passed:
                raise self.limits.timeout() from e
            raise ExecutionError(f"the database refused the query: {_first_line(e)}") from e
        return Result(columns, rows, time.monotonic() - start)

    def _only_query(self, sql: str) -> Any:
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise ExecutionError(f"one query is expected, found {len(statements)} statements; run them one by one")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = statements[0].type.name
            raise ExecutionError(f"refused: {kind} does more than read; only queries are run")
        return statements[0]

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


class _Deadline:
    """Interrupts a connection when the block has run too long, but not after the block has ended."""

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


_COLUMNS = """
SELECT table_name, column_name, data_type
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
ORDER BY table_oid, column_index
"""
_KEYS = """
SELECT table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = 'main'
  AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
ORDER BY table_oid, constraint_index
"""


def read_duckdb_schema(path: Path) -> Schema:
    """Tables and views of the schema `main`, in the order in which DuckDB keeps them. Cached until the file changes.

    Left out: views that DuckDB can no longer bind, and foreign keys to tables of another schema.
    Raises InvalidFile when the file is missing, damaged, locked, or not a DuckDB database, or cannot be read.
    """
    try:
        stat = path.stat()
    except OSError as e:
        raise InvalidFile(f"database {path} cannot be read ({e.strerror}); check the path") from e
    return _read(path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)
def _read(path: Path, _mtime_ns: int, _size: int) -> Schema:
    connection = open_read_only(path)
    try:
        columns = connection.execute(_COLUMNS).fetchall()
        keys = connection.execute(_KEYS).fetchall()
    except duckdb.Error as e:
        raise InvalidFile(f"the schema of database {path} cannot be read: {e}") from e
    finally:
        connection.close()
    return _schema(columns, keys, path.stem)


def _schema(columns: list[Any], keys: list[Any], name: str) -> Schema:
    primary = {(table, column) for table, kind, names, _, _ in keys if kind == "PRIMARY KEY" for column in names}
    by_table: dict[str, list[Column]] = {}
    for table, column, kind in columns:
        found = Column(column, kind, (table, column) in primary, fractional=is_decimal(kind))
        by_table.setdefault(table, []).append(found)
    foreign: dict[str, list[ForeignKey]] = {}
    for table, kind, names, target, target_names in keys:
        if kind == "FOREIGN KEY" and target in by_table:
            pairs = zip(names, target_names, strict=True)
            foreign.setdefault(table, []).extend(ForeignKey(own, target, theirs) for own, theirs in pairs)
    tables = (Table(table, tuple(members), tuple(foreign.get(table, ()))) for table, members in by_table.items())
    return Schema(tuple(tables), name=name)


def is_decimal(declared: str) -> bool:
    """Whether a declared type is a decimal, whose values divide as reals although SQLite's rules do not say so."""
    return declared.upper().startswith(("DEC", "NUM"))
