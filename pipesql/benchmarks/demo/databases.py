"""The demo's SQLite files, built from their texts: with the same bytes every time, and only if they are not there."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from pathlib import Path

from pipesql.benchmarks.demo.sources import Source, sources
from pipesql.errors import InvalidFile, StorageError
from pipesql.storage import atomic_write, file_digest, whole_path

VERSION = 1
"""Raise it when the builder itself changes, so that files built by an earlier one are built again."""

PAGE_SIZE = 4096
MARKER = "built.sha256"


def build(folder: Path) -> None:
    """Write `<folder>/<db_id>/<db_id>.sqlite` for every demo database, atomically.

    A database is left alone when the marker file beside it holds the digests of the texts it was built from and of its
    bytes. Raises StorageError if the folder cannot be written, InvalidFile if rows do not fit their schema.
    """
    for source in sources():
        _build_one(source, database_path(folder, source.db_id))


def database_path(folder: Path, db_id: str) -> Path:
    """The path at which `build(folder)` puts the database `db_id`."""
    return folder / db_id / f"{db_id}.sqlite"


def _build_one(source: Source, path: Path) -> None:
    marker = path.with_name(MARKER)
    texts = source.digest(VERSION)
    if path.is_file() and marker.is_file() and marker.read_text() == _marker_text(texts, path):
        return
    try:
        with whole_path(path) as scratch:
            write_database(source, scratch)
    except (StorageError, sqlite3.OperationalError) as e:
        raise StorageError(f"cannot build the demo database {path}: {e}; choose a folder that can be written") from e
    with atomic_write(marker) as out:
        out.write(_marker_text(texts, path))


def _marker_text(texts: str, path: Path) -> str:
    return f"sources {texts}\n{path.name} {file_digest(path)}\n"


def write_database(source: Source, path: Path) -> None:
    """Create the SQLite file `path` from a source: its tables in the schema's order, rows in the CSV files' order.

    CSV fields are stored by their column's declared type; an empty field is NULL. Raises InvalidFile if schema and
    rows do not fit each other.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # Everything SQLite would take from its build or its surroundings is fixed, so that the bytes are too.
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        db.execute("PRAGMA encoding = 'UTF-8'")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("PRAGMA journal_mode = MEMORY")
        try:
            db.executescript("BEGIN;\n" + source.read("schema.sql"))
        except sqlite3.Error as e:
            raise InvalidFile(f"{source.folder}/schema.sql: {e}") from e
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        if sorted(names) != sorted(source.tables):
            raise InvalidFile(
                f"{source.folder}: schema.sql creates {sorted(names)}, CSV files hold {sorted(source.tables)}"
            )
        for name in names:
            _insert_rows(db, source, name)
        for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
            raise InvalidFile(f"{source.folder}/{table}.csv: row {row} refers to a row that {parent}.csv does not hold")
        db.execute("COMMIT")


def _insert_rows(db: sqlite3.Connection, source: Source, table: str) -> None:
    where = f"{source.folder}/{table}.csv"
    reader = csv.reader(io.StringIO(source.read(f"{table}.csv")), strict=True)
    header = next(reader, [])
    columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
    if header != columns:
        raise InvalidFile(f"{where}: the header {header} is not the table's columns {columns}")
    statement = f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})'
    try:
        for fields in reader:
            if len(fields) != len(columns):
                raise InvalidFile(f"{where}, line {reader.line_num}: {len(fields)} fields, {len(columns)} expected")
            db.execute(statement, [field or None for field in fields])
    except (csv.Error, sqlite3.IntegrityError) as e:
        raise InvalidFile(f"{where}, line {reader.line_num}: {e}") from e
