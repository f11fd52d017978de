"""The schema of a DuckDB file as the language sees it: tables and views of its schema `main`.

Views that DuckDB can no longer bind are left out, and so are foreign keys to tables of another schema.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from pipesql.errors import BadInput
from pipesql.execution.duckdb import open_read_only
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

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
    """Tables and views in the order that DuckDB keeps them in. Cached until the file changes.

    Raises BadInput when the file is missing, is no database, is locked or cannot be read.
    """
    try:
        stat = path.stat()
    except OSError as e:
        raise BadInput(f"database {path} cannot be read ({e.strerror}); check the path") from e
    return _read(path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)
def _read(path: Path, _mtime_ns: int, _size: int) -> Schema:
    connection = open_read_only(path)
    try:
        columns = connection.execute(_COLUMNS).fetchall()
        keys = connection.execute(_KEYS).fetchall()
    except duckdb.Error as e:
        raise BadInput(f"the schema of database {path} cannot be read: {e}") from e
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
    """A type whose values divide as reals, although SQLite's rules give it no kind."""
    return declared.upper().startswith(("DEC", "NUM"))
