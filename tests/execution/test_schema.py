"""The schema of a SQLite file: the database's own names, in order, keys resolved."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.execution.database import Database
from pipesql.pipe.schema import Column, ForeignKey

SCRIPT = """
CREATE TABLE Singer (Singer_ID INTEGER PRIMARY KEY AUTOINCREMENT, "Full Name" TEXT, age, [select] VARCHAR(20));
CREATE TABLE venue (b INT, a INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE "Sings At" (
    who INT REFERENCES singer,
    x INT, y INT, lost INT REFERENCES gone (id), wrong INT REFERENCES Singer (absent),
    total INT GENERATED ALWAYS AS (x + y),
    FOREIGN KEY (x, y) REFERENCES VENUE,
    FOREIGN KEY (WHO) REFERENCES singer (SINGER_ID)
);
CREATE VIEW names AS SELECT "Full Name" AS name, age FROM Singer;
CREATE VIEW broken AS SELECT * FROM gone;
CREATE INDEX i ON Singer (age);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCRIPT)
    return path


def test_tables_and_views_in_declaration_order_with_their_own_spelling(path: Path) -> None:
    schema = Database(path).schema
    assert schema.name == "music"
    assert [t.name for t in schema] == ["Singer", "venue", "Sings At", "names"]
    singer = schema.table("SINGER")
    assert singer is not None
    assert singer.columns == (
        Column("Singer_ID", "INTEGER", True),
        Column("Full Name", "TEXT"),
        Column("age", ""),
        Column("select", "VARCHAR(20)"),
    )
    assert [c.name for c in schema.tables[2].columns] == ["who", "x", "y", "lost", "wrong", "total"]
    assert [c.name for c in schema.tables[3].columns] == ["name", "age"]


def test_foreign_keys_name_real_columns_and_those_to_nothing_are_left_out(path: Path) -> None:
    keys = Database(path).schema.tables[2].foreign_keys
    assert keys == (
        ForeignKey("who", "Singer", "Singer_ID"),
        ForeignKey("x", "venue", "a"),
        ForeignKey("y", "venue", "b"),
        ForeignKey("who", "Singer", "Singer_ID"),
    )


def test_cached_until_the_file_changes(path: Path) -> None:
    first = Database(path).schema
    assert Database(str(path)).schema is first
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE more (a)")
    os.utime(path, ns=(1, 1))
    assert Database(path).schema.table("more") is not None


def test_a_missing_file_and_one_that_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        _ = Database(tmp_path / "no.sqlite").schema
    (tmp_path / "x").write_text("no database" * 100)
    with pytest.raises(BadInput, match="not a SQLite database"):
        _ = Database(tmp_path / "x").schema


def test_a_locked_file(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BadInput, match="locked"):
            _ = Database(path).schema
