"""Read-only access to one SQLite file, with limits.

Covered: the file is opened with `mode=ro`; an authorizer lets a statement read and call functions, nothing else
(no ATTACH, PRAGMA, DDL, DML, load_extension); a deadline stops a statement that runs on; a row limit stops one that
returns too much; single values are capped at `MAX_VALUE_BYTES`. Not covered: memory that SQLite itself takes for
sorting within the deadline, and files that another process changes while they are read.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any, NoReturn

from pipesql.errors import BadInput, ExecutionError, QueryTimeout, TooManyRows
from pipesql.execution.database import Database
from pipesql.execution.database import Result as Result

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

# Primary result codes that speak of the file, not of the statement.
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
    """A connection that cannot write to `path`. Raises BadInput: missing, not a database, locked, unreadable."""
    if path.is_dir():
        raise BadInput(f"database {path} is a folder; give the path of the SQLite file in it")
    if not path.exists():
        raise BadInput(f"database {path} does not exist; check the path or build the benchmark again")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        return _connect(uri)
    except sqlite3.Error as e:
        # In a folder that cannot be written, a WAL database lacks its shared-memory file. Where no log exists beside
        # it, nobody has it open and everything is in the file: reading it as immutable is then safe.
        if _primary(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or not _is_closed_wal(path):
            raise BadInput(_file_trouble(path, e) or f"database {path} cannot be opened: {e}") from e
    try:
        return _connect(f"{uri}&immutable=1")
    except sqlite3.Error as e:
        raise BadInput(_file_trouble(path, e) or f"database {path} cannot be opened: {e}") from e


class SqliteDatabase(Database):
    """One SQLite database, read-only, each statement under a deadline (seconds) and a row limit.

    Raises BadInput when the file is missing, is no database, is locked or cannot be read. Use as a context manager,
    or call `close`. A connection belongs to the thread that made it.
    """

    dialect = "sqlite"

    def __init__(self, path: Path | str, timeout_s: float = 5.0, max_rows: int = 100_000) -> None:
        path = Path(path)
        self._setup(open_read_only(path), path, timeout_s, max_rows)

    @classmethod
    def adopt(
        cls, connection: sqlite3.Connection, path: Path, timeout_s: float = 5.0, max_rows: int = 100_000
    ) -> SqliteDatabase:
        """Guard an open connection (an in-memory copy of `path`, say); from now on it only reads."""
        database = cls.__new__(cls)
        database._setup(connection, path, timeout_s, max_rows)
        return database

    def _setup(self, connection: sqlite3.Connection, path: Path, timeout_s: float, max_rows: int) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self.max_rows = max_rows
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
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the statement), BadInput (the file)."""
        start = time.monotonic()
        self._deadline = start + self.timeout_s
        self._refused = ""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = []
            while batch := cursor.fetchmany(_FETCH):
                rows += batch
                if len(rows) > self.max_rows:
                    raise TooManyRows(f"the query returns more than {self.max_rows} rows; add a LIMIT or a filter")
                if self._late():
                    raise self._timeout()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as e:
            self._explain(e)
        finally:
            cursor.close()
        if cursor.description is None:
            raise ExecutionError("the statement is not a query; only queries can be run")
        return Result(tuple(d[0] for d in cursor.description), rows, time.monotonic() - start)

    def _timeout(self) -> QueryTimeout:
        return QueryTimeout(f"the query ran longer than {self.timeout_s:g} s and was stopped; filter or limit it")

    def _explain(self, error: Exception) -> NoReturn:
        """Raise the pipesql error that says what `error` means."""
        if isinstance(error, sqlite3.Error):
            if _primary(error) == sqlite3.SQLITE_INTERRUPT:
                raise self._timeout() from error
            if _primary(error) == sqlite3.SQLITE_AUTH:
                raise ExecutionError(f"refused: {self._refused} does more than read; only queries run") from error
            trouble = _file_trouble(self.path, error)
            if trouble:
                raise BadInput(trouble) from error
        raise ExecutionError(f"the database refused the query: {error}") from error

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.text_factory = decode
        # The first read is what finds locks and files that are no database.
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Use each virtual table once: connecting one declares a table, which the authorizer would refuse later."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage = 0").fetchall()
    for (name,) in [("json_each",), ("json_tree",), *names]:
        # Errors mean a module that this SQLite lacks: its table cannot be queried, and a query of it says so.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("SELECT COUNT(*) FROM pragma_table_info(?)", (name,)).fetchone()


def _primary(error: sqlite3.Error) -> int:
    """The primary result code of an error, 0 where Python raised it without one."""
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
