"""SqliteConnection: reads only, stops what runs on, and says what is wrong in one sentence."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.errors import BadInput, ExecutionError, QueryTimeout, TooManyRows
from pipesql.execution.connection import QueryLimits
from pipesql.execution.sqlite import SqliteConnection
from pipesql.storage import file_digest

COUNT_UP = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n{stop}) SELECT {what} FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE item(name TEXT, price REAL); INSERT INTO item VALUES ('tea', 2.5), ('jam', NULL)"
        )
    return path


def test_a_query_gives_columns_and_rows(path: Path) -> None:
    with SqliteConnection(path) as db:
        result = db.run("SELECT name AS what, price FROM item ORDER BY name")
    assert result.columns == ("what", "price")
    assert result.rows == [("jam", None), ("tea", 2.5)]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM item", "DELETE"),
        ("INSERT INTO item VALUES ('x', 1)", "INSERT"),
        ("UPDATE item SET price = 0", "UPDATE"),
        ("DROP TABLE item", "DELETE"),
        ("CREATE TABLE x(a)", "INSERT"),
        ("CREATE TEMP TABLE x(a)", "INSERT"),
        ("ATTACH '{other}' AS other", "ATTACH"),
        ("VACUUM INTO '{other}'", "ATTACH"),
        ("PRAGMA journal_mode = WAL", "PRAGMA"),
        ("PRAGMA table_info(item)", "PRAGMA"),
        ("BEGIN IMMEDIATE", "transaction"),
        ("SELECT load_extension('x')", "load_extension"),
        ("SELECT 1; DELETE FROM item", "one statement"),
        ("", "not a query"),
    ],
)
def test_whatever_does_more_than_read_is_refused_and_leaves_the_file_as_it_was(
    path: Path, tmp_path: Path, statement: str, named: str
) -> None:
    before, other = file_digest(path), tmp_path / "other.sqlite"
    with SqliteConnection(path) as db:
        with pytest.raises(ExecutionError, match=named):
            db.run(statement.format(other=other))
        assert db.run("SELECT COUNT(*) FROM item").rows == [(2,)]
    assert file_digest(path) == before
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("what", ["COUNT(*)", "i"])
def test_an_endless_query_is_stopped_at_the_deadline(path: Path, what: str) -> None:
    start = time.monotonic()
    with (
        SqliteConnection(path, QueryLimits(0.3, 10**9)) as db,
        pytest.raises(QueryTimeout, match=r"longer than 0\.3 s"),
    ):
        db.run(COUNT_UP.format(stop="", what=what))
    assert time.monotonic() - start < 3


def test_a_query_of_ten_million_rows_is_stopped_at_the_row_limit(path: Path) -> None:
    start = time.monotonic()
    with SqliteConnection(path, QueryLimits(30, 1_000)) as db:
        with pytest.raises(TooManyRows, match="more than 1000 rows"):
            db.run(COUNT_UP.format(stop=" WHERE i < 10000000", what="i"))
        assert len(db.run(COUNT_UP.format(stop=" WHERE i < 1000", what="i")).rows) == 1_000
    assert time.monotonic() - start < 5


def test_one_huge_value_is_refused(path: Path) -> None:
    with SqliteConnection(path) as db, pytest.raises(ExecutionError, match="too big"):
        db.run("SELECT zeroblob(900000000)")


def test_errors_of_the_statement_are_execution_errors(path: Path) -> None:
    with SqliteConnection(path) as db:
        for bad in ("SELECT nothing FROM item", "SELECT FROM", "SELECT '\ud800'"):
            with pytest.raises(ExecutionError):
                db.run(bad)


def test_text_that_is_not_utf8_survives_and_stays_distinct(tmp_path: Path) -> None:
    path = tmp_path / "latin.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (CAST(X'63E9' AS TEXT)), (CAST(X'63E8' AS TEXT))")
    with SqliteConnection(path) as database:
        rows = database.run("SELECT a FROM t").rows
    assert len(set(rows)) == 2
    "".join(text for (text,) in rows).encode("utf-8")


def test_table_valued_functions_and_full_text_tables_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "full_text.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE VIRTUAL TABLE page USING fts5(text); INSERT INTO page VALUES ('pipes flow'), ('else')")
    with SqliteConnection(path) as database:
        assert database.run("SELECT value FROM json_each('[1, 2]')").rows == [(1,), (2,)]
        assert database.run("SELECT text FROM page WHERE page MATCH 'flow'").rows == [("pipes flow",)]


class TestFilesThatCannotBeRead:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"no\.sqlite does not exist"):
            SqliteConnection(tmp_path / "no.sqlite")
        assert not list(tmp_path.iterdir())

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="is a folder"):
            SqliteConnection(tmp_path)

    def test_not_a_database(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("These are notes, and long enough to look like something. " * 20)
        with pytest.raises(BadInput, match="is not a SQLite database"):
            SqliteConnection(tmp_path / "notes.txt")

    def test_locked_at_opening(self, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            with pytest.raises(BadInput, match="is locked by another process"):
                SqliteConnection(path)
        SqliteConnection(path).close()

    def test_locked_later(self, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as writer, SqliteConnection(path) as db:
            writer.execute("BEGIN EXCLUSIVE")
            with pytest.raises(BadInput, match="is locked by another process"):
                db.run("SELECT * FROM item")

    def test_damaged(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        path.write_bytes(content)
        with SqliteConnection(path) as db, pytest.raises(BadInput, match="is damaged"):
            db.run("SELECT * FROM item")

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every file")
    def test_not_readable(self, path: Path) -> None:
        path.chmod(0)
        with pytest.raises(BadInput, match="cannot be opened"):
            SqliteConnection(path)


def test_odd_characters_in_the_path(tmp_path: Path, path: Path) -> None:
    odd = tmp_path / "a b?c#d%20é" / "x.sqlite"
    odd.parent.mkdir()
    path.rename(odd)
    with SqliteConnection(odd) as db:
        assert db.run("SELECT COUNT(*) FROM item").rows == [(2,)]
