"""The schema of a database as the language sees it: names in the database's own spelling.

Here is how that of a SQLite file is read; the other engines have modules of their own. Views are listed like tables.
Left out, because no query can use them: SQLite's own `sqlite_…` tables, views and virtual tables that the engine cannot
open (a missing base table or module), and foreign keys that point to a table or column which does not exist.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path

from pipesql.errors import BadInput
from pipesql.execution.database import Engine, engine_of
from pipesql.execution.sqlite import open_read_only
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

_HIDDEN_IN_VIRTUAL_TABLE = 1  # table_xinfo's mark; generated columns have 2 or 3 and are ordinary to a reader


def read_schema(database: Path | str) -> Schema:
    """Tables and views of a file or server (`opening`), in declaration order. Cached until a file changes.

    Raises BadInput when the database is missing, is none, is locked or cannot be read.
    """
    match engine_of(database):
        case Engine.DUCKDB:
            from pipesql.execution.duckdb import read_duckdb_schema

            return read_duckdb_schema(Path(database))
        case Engine.URL:
            from pipesql.execution.server import read_server_schema

            return read_server_schema(str(database))
        case Engine.SQLITE:
            return _read_sqlite(Path(database))


def _read_sqlite(path: Path) -> Schema:
    try:
        stat = path.stat()
    except OSError as e:
        raise BadInput(f"database {path} cannot be read ({e.strerror}); check the path") from e
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
        raise BadInput(f"the schema of database {path} cannot be read: {e}") from e
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
    """Keys in declaration order; one that names no column refers to the other table's primary key."""
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
