"""Perturbed copies: the same from the same seed, different from the source, keys unique, source untouched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.errors import ExecutionError
from pipesql.execution.compare import same_rows
from pipesql.execution.perturb import COPIED_ROWS, perturbed, reversed_rows
from pipesql.execution.sqlite import SqliteConnection
from pipesql.execution.value_seeding import SeedValues
from pipesql.storage import file_digest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "unit price" REAL CHECK (id > 0));
            CREATE TABLE sold (item INT REFERENCES item, day TEXT);
            CREATE TABLE empty (id INT, word TEXT, amount INT);
            CREATE TABLE big (a INT);
            CREATE VIEW cheap AS SELECT name FROM item WHERE "unit price" < 50;
            """
        )
        db.executemany("INSERT INTO item VALUES (?, ?, ?)", [(i, f"thing {i}", i * 1.5) for i in range(1, 301)])
        db.executemany("INSERT INTO sold VALUES (?, ?)", [(i % 10 + 1, f"2024-01-{i % 28 + 1:02}") for i in range(200)])
        db.executemany("INSERT INTO big VALUES (?)", [(i,) for i in range(COPIED_ROWS * 2)])
        db.commit()
    return path


def everything(db: SqliteConnection) -> list[list[tuple[object, ...]]]:
    return [db.run(f"SELECT * FROM {table}").rows for table in ("item", "sold", "empty", "big", "cheap")]


def test_the_same_seed_gives_the_same_copy_and_another_seed_another(path: Path) -> None:
    before, values = file_digest(path), SeedValues(("pipe", 7))
    first, again = everything(perturbed(path, 1, values)), everything(perturbed(path, 1, values))
    assert first == again
    assert first != everything(perturbed(path, 2, values))
    assert file_digest(path) == before


def test_rows_are_dropped_doubled_moved_and_made_null(path: Path) -> None:
    with SqliteConnection(path) as real, perturbed(path) as copy:
        rows, source = copy.run("SELECT * FROM item").rows, real.run("SELECT * FROM item").rows
        assert not same_rows(rows, source)
        ids = [row[0] for row in rows]
        assert len(ids) == len(set(ids)) and None not in ids, "the primary key stays a key"
        assert set(range(1, 301)) - set(ids), "some rows are dropped"
        assert max(ids) > 300, "some are doubled, under new keys"
        assert any(row[1] is None for row in rows) and any(row[2] is None for row in rows)
        assert copy.run("SELECT COUNT(*) > COUNT(DISTINCT name) FROM item").rows == [(1,)]
        dangling = "SELECT COUNT(*) FROM sold WHERE item NOT IN (SELECT id FROM item)"
        assert real.run(dangling).rows == [(0,)]
        assert copy.run(dangling).rows != [(0,)]


def test_empty_tables_are_filled_with_what_queries_look_for_and_large_ones_cut(path: Path) -> None:
    with perturbed(path, 0, SeedValues(("pipe", 77))) as copy:
        assert copy.run("SELECT COUNT(*) > 0 FROM empty WHERE word = 'pipe'").rows == [(1,)]
        assert copy.run("SELECT COUNT(*) > 0 FROM empty WHERE amount = 77").rows == [(1,)]
        assert copy.run(f"SELECT COUNT(*) BETWEEN {COPIED_ROWS * 0.8} AND {COPIED_ROWS * 1.2} FROM big").rows == [(1,)]


def test_rows_that_queries_look_for_are_added_together_and_keys_stay_keys(path: Path) -> None:
    wanted = [{"name": "pipe", "unit price": 7.5}, {"name": "tube", "id": 1}, {"elsewhere": 3}]
    wanted += [{"amount": 1000 + i} for i in range(50)]
    with perturbed(path, 0, SeedValues(rows=tuple(wanted))) as copy, perturbed(path) as plain:
        assert copy.run("SELECT COUNT(*) FROM item WHERE name = 'pipe' AND \"unit price\" = 7.5").rows == [(1,)]
        assert copy.run("SELECT COUNT(*) FROM item WHERE name = 'tube' AND id <> 1").rows == [(1,)]
        assert copy.run("SELECT COUNT(DISTINCT amount) FROM empty WHERE amount >= 1000").rows == [(50,)]
        assert copy.run("SELECT COUNT(*) - COUNT(DISTINCT id) FROM item").rows == [(0,)]
        assert copy.run("SELECT * FROM sold").rows == plain.run("SELECT * FROM sold").rows


def test_reversed_copies_hold_the_same_rows_in_reverse_order(path: Path) -> None:
    with (
        SqliteConnection(path) as real,
        reversed_rows(path) as other,
        perturbed(path) as a,
        perturbed(path, reverse=True) as b,
    ):
        for table in ("item", "sold", "empty", "big"):
            for left, right in ((real, other), (a, b)):
                x, y = left.run(f"SELECT * FROM {table}").rows, right.run(f"SELECT * FROM {table}").rows
                assert same_rows(x, y)
                assert x != y or not x


def test_copies_only_read(path: Path) -> None:
    with perturbed(path) as copy, pytest.raises(ExecutionError, match="DELETE"):
        copy.run("DELETE FROM item")
