"""Read-only access to one SQLite file, with limits, and its schema.

Covered: the file is opened with `mode=ro`; an authorizer lets a statement read and call functions, nothing else
(no ATTACH, PRAGMA, DDL, DML, load_extension); a deadline stops a query that runs on; a row limit stops one that
returns too much; single values are capped at `MAX_VALUE_BYTES`. Not covered: memory that SQLite itself takes for
sorting within the deadline, and files that another process changes while they are read.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from pipesql.errors import ExecutionError, InvalidFile
from pipesql.execution.connection import DEFAULT_LIMITS, Connection, QueryLimits, Result
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

MAX_VALUE_BYTES = 20_000_000
"""Largest single text or blob that a statement may make or read (bounds `zeroblob(1e9)` and the like)."""

_BUSY_SECONDS = 1.0
_FETCH = 2_000
_OPCODES_PER_CHECK = 5_000
_WAL_VERSION = 2

_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_ACTIONS = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ")
    for name in dir(sqlite3)
    if name.startswith(("SQLITE_CREATE_", "SQLITE_DROP_", "SQLITE_ALTER_"))
} | {
    sqlite3.SQLITE_INSERT: "INSERT",
    sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE",
    sqlite3.SQLITE_PRAGMA: "PRAGMA",
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_TRANSACTION: "a transaction",
    sqlite3.SQLITE_SAVEPOINT: "a savepoint",
    sqlite3.SQLITE_REINDEX: "REINDEX",
    sqlite3.SQLITE_ANALYZE: "ANALYZE",
}
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})

# Primary result codes that are about the file, not about the statement.
_FILE_TROUBLE = {
    sqlite3.SQLITE_BUSY: "is locked by another process; close that process or wait for it, then try again",
    sqlite3.SQLITE_LOCKED: "is locked by another process; close that process or wait for it, then try again",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; check the path, or restore the file",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from its source",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that the file and its folder may be read",
    sqlite3.SQLITE_IOERR: "cannot be read; check the disk and the file's permissions",
    sqlite3.SQLITE_READONLY: "cannot be read while its write-ahead log is missing or cannot be recovered; "
    "open it once with write access",
}


def decode(raw: bytes) -> str:
    """Text of the database as str; bytes that are not UTF-8 appear as `\\xNN`, so that unequal stays unequal."""
    return raw.decode("utf-8", "backslashreplace")


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write to `path`. Raises InvalidFile: missing, not a database, locked, unreadable."""
    if path.is_dir():
        raise InvalidFile(f"database {path} is a folder; give the path of the SQLite file in it")
    if not path.exists():
        raise InvalidFile(f"database {path} does not exist; check the path or build the benchmark again")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        return _connect(uri)
    except sqlite3.Error as e:
        # In a folder that cannot be written, a WAL database lacks its shared-memory file. Where no log exists beside
        # it, nobody has it open and everything is in the file: reading it as immutable is then safe.
        if _primary(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or not _is_closed_wal(path):
            raise InvalidFile(_file_trouble(path, e) or f"database {path} cannot be opened: {e}") from e
    try:
        return _connect(f"{uri}&immutable=1")
    except sqlite3.Error as e:
        raise InvalidFile(_file_trouble(path, e) or f"database {path} cannot be opened: {e}") from e


class SqliteConnection(Connection):
    """One SQLite database. A connection belongs to the thread that made it.

    Raises InvalidFile when the file is missing, damaged, locked, or not a SQLite database, or cannot be read.
    """

    dialect = "sqlite"

    def __init__(self, path: Path | str, limits: QueryLimits = DEFAULT_LIMITS) -> None:
        path = Path(path)
        self._setup(open_read_only(path), path, limits)

    @classmethod
    def adopt(
        cls, connection: sqlite3.Connection, path: Path, limits: QueryLimits = DEFAULT_LIMITS
    ) -> SqliteConnection:
        """Guard an open connection (such as one to an in-memory copy of `path`); from now on it only reads."""
        guarded = cls.__new__(cls)
        guarded._setup(connection, path, limits)
        return guarded

    def _setup(self, connection: sqlite3.Connection, path: Path, limits: QueryLimits) -> None:
        self.path = path
        self.limits = limits
        self._deadline = 0.0
        self._refused = ""
        self._connection = connection
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        _connect_virtual_tables(connection)
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._late, _OPCODES_PER_CHECK)

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _authorize(
        self, action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
    ) -> int:
        if action in _READS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and first == "data_version":  # full-text tables ask it of themselves
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            if (second or "").lower() not in _FORBIDDEN_FUNCTIONS:
                return sqlite3.SQLITE_OK
            self._refused = f"the function {second}"
        else:
            self._refused = _ACTIONS.get(action, f"{first or 'this action'}")
        return sqlite3.SQLITE_DENY

    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the query), InvalidFile (the file)."""
        start = time.monotonic()
        self._deadline = start + self.limits.timeout_s
        self._refused = ""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = []
            while batch := cursor.fetchmany(_FETCH):
                rows += batch
                if len(rows) > self.limits.max_rows:
                    raise self.limits.too_many_rows()
                if self._late():
                    raise self.limits.timeout()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as e:
            self._explain(e)
        finally:
            cursor.close()
        if cursor.description is None:
            raise ExecutionError("the statement is not a query; only queries can be run")
        return Result(tuple(d[0] for d in cursor.description), rows, time.monotonic() - start)

    def _explain(self, error: Exception) -> NoReturn:
        """Raise the error of pipesql that explains `error`."""
        if isinstance(error, sqlite3.Error):
            if _primary(error) == sqlite3.SQLITE_INTERRUPT:
                raise self.limits.timeout() from error
            if _primary(error) == sqlite3.SQLITE_AUTH:
                raise ExecutionError(f"refused: {self._refused} does more than read; only queries are run") from error
            trouble = _file_trouble(self.path, error)
            if trouble:
                raise InvalidFile(trouble) from error
        raise ExecutionError(f"the database refused the query: {error}") from error

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.text_factory = decode
        # The first read finds locks and files that are not a database.
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Use each virtual table once: connecting one declares a table, which the authorizer would refuse later."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage = 0").fetchall()
    for (name,) in [("json_each",), ("json_tree",), *names]:
        # Errors mean a module that this SQLite lacks; a query of its table reports that.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("SELECT COUNT(*) FROM pragma_table_info(?)", (name,)).fetchone()


def _primary(error: sqlite3.Error) -> int:
    """The primary result code of an error; 0 if Python raised it without one."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _file_trouble(path: Path, error: sqlite3.Error) -> str | None:
    trouble = _FILE_TROUBLE.get(_primary(error))
    return f"database {path} {trouble}" if trouble else None


def _is_closed_wal(path: Path) -> bool:
    if path.with_name(path.name + "-wal").exists():
        return False
    with path.open("rb") as file:
        header = file.read(20)
    return len(header) == 20 and header[18] == _WAL_VERSION


_HIDDEN_IN_VIRTUAL_TABLE = 1  # table_xinfo's mark; generated columns have 2 or 3 and are ordinary to a reader


def read_sqlite_schema(path: Path) -> Schema:
    """Tables and views in declaration order. Cached until the file changes.

    Left out, because no query can use them: SQLite's own `sqlite_…` tables, views and virtual tables that the engine
    cannot open (a missing base table or module), and foreign keys to a table or column that does not exist.
    Raises InvalidFile when the file is missing, damaged, locked, or not a SQLite database, or cannot be read.
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
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
            )
            if not name.lower().startswith("sqlite_")
        ]
        plain = [t for name in names if (t := _table(connection, name)) is not None]
        schema = Schema(tuple(plain), name=path.stem)
        keyed = tuple(Table(t.name, t.columns, _foreign_keys(connection, t, schema)) for t in plain)
    except sqlite3.Error as e:
        raise InvalidFile(f"the schema of database {path} cannot be read: {e}") from e
    finally:
        connection.close()
    return Schema(keyed, name=path.stem)


def _table(connection: sqlite3.Connection, name: str) -> Table | None:
    try:
        info = connection.execute("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", (name,)).fetchall()
    except sqlite3.OperationalError as e:
        if (e.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_ERROR:
            return None  # a view or virtual table that the engine itself cannot open
        raise
    fractional = _fractional(connection, name, [c for c, declared, _, _ in info if _is_decimal(declared)])
    columns = tuple(
        Column(column, declared or "", bool(key), column in fractional)
        for column, declared, key, hidden in info
        if hidden != _HIDDEN_IN_VIRTUAL_TABLE
    )
    return Table(name, columns) if columns else None


def _is_decimal(declared: str | None) -> bool:
    return (declared or "").upper().startswith(("DEC", "NUM"))


def _fractional(connection: sqlite3.Connection, table: str, columns: list[str]) -> set[str]:
    """The decimal columns that hold a value, and none stored as an integer or a text.

    SQLite keeps 5.00 in a DECIMAL column as the integer 5, and then divides it as one; so whether such a column
    divides as a real is a matter of its data.
    """
    if not columns:
        return set()
    quoted = ['"' + c.replace('"', '""') + '"' for c in columns]
    tests = ", ".join(f"min(typeof({q}) IN ('real', 'null')) AND max(typeof({q}) = 'real')" for q in quoted)
    name = '"' + table.replace('"', '""') + '"'
    row = connection.execute(f"SELECT {tests} FROM {name}").fetchone()
    return {c for c, real in zip(columns, row, strict=True) if real}


def _foreign_keys(connection: sqlite3.Connection, table: Table, schema: Schema) -> tuple[ForeignKey, ...]:
    """Keys in declaration order; a key without a column refers to the other table's primary key."""
    rows = connection.execute(
        'SELECT "table", "from", "to", seq FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq', (table.name,)
    ).fetchall()
    keys = []
    for target_name, source, target_column, position in rows:
        target = schema.table(target_name)
        column = table.column(source)
        if target is None or column is None:
            continue
        ref = target.column(target_column) if target_column else _primary_key(connection, target, position)
        if ref is not None:
            keys.append(ForeignKey(column.name, target.name, ref.name))
    return tuple(keys)


def _primary_key(connection: sqlite3.Connection, table: Table, position: int) -> Column | None:
    """The column at `position` (from 0) of the primary key, which may be declared in another order than the table."""
    row = connection.execute(
        "SELECT name FROM pragma_table_xinfo(?) WHERE pk = ?", (table.name, position + 1)
    ).fetchone()
    return table.column(row[0]) if row else None
