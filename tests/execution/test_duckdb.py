"""A DuckDB file: read and nothing else, within limits; its schema; its perturbed and reversed copies."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipesql.errors import BadInput, ExecutionError, QueryTimeout, TooManyRows
from pipesql.execution.compare import compare
from pipesql.execution.connection import Engine, QueryLimits
from pipesql.execution.database import Database
from pipesql.execution.value_seeding import SeedValues
from pipesql.pipe.schema import ForeignKey

duckdb = pytest.importorskip("duckdb")

CONTENT = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR, born DATE);
CREATE TABLE book (
    id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author(id), price DECIMAL(10, 2), tags VARCHAR[],
    extra STRUCT(pages INTEGER, cover VARCHAR), kind ENUM('novel', 'poems')
);
CREATE TABLE day (on_day DATE PRIMARY KEY, note VARCHAR);
CREATE TABLE nothing (id INTEGER, title VARCHAR, made DATE);
INSERT INTO author SELECT i, 'author ' || i, DATE '1950-01-01' + i::INTEGER FROM range(1, 51) t(i);
INSERT INTO book SELECT i, 1 + i % 50, i * 1.25, ['a', 'b' || i], {'pages': i, 'cover': 'hard'},
    CASE WHEN i % 2 = 0 THEN 'novel' ELSE 'poems' END FROM range(1, 201) t(i);
INSERT INTO day SELECT DATE '2020-01-01' + i::INTEGER, 'note' FROM range(60) t(i);
CREATE VIEW dear AS SELECT id, price FROM book WHERE price > 100;
CREATE SCHEMA other;
CREATE TABLE other.hidden (a INTEGER);
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("duck") / "books.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(CONTENT)
    return path


@pytest.fixture
def database(path: Path) -> Iterator[object]:
    with Database(path).open(QueryLimits(timeout_s=5, max_rows=1000)) as opened:
        yield opened


def test_rows_come_with_their_columns_and_values_that_can_be_compared(path: Path) -> None:
    with Database(path).open() as database:
        assert (Database(path).dialect, database.dialect) == ("duckdb", "duckdb")
        result = database.run(
            "SELECT name, price, born, tags, extra FROM book JOIN author ON author.id = author_id WHERE book.id = 3"
        )
        assert result.columns == ("name", "price", "born", "tags", "extra")
        assert result.rows == [
            ("author 4", 3.75, datetime.date(1950, 1, 5), ("a", "b3"), (("pages", 3), ("cover", "hard")))
        ]
        nan = database.run("SELECT 'nan'::DOUBLE").rows
        assert nan == database.run("SELECT 'nan'::DOUBLE").rows, "NaN equals NaN"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("INSERT INTO day VALUES ('2030-01-01', 'x')", "refused: INSERT does more than read"),
        ("CREATE TEMP TABLE t (a INT)", "refused: CREATE does more than read"),
        ("ATTACH 'x.duckdb'", "refused: ATTACH"),
        ("COPY author TO 'x.csv'", "refused: COPY"),
        ("INSTALL httpfs", "refused: LOAD"),
        ("SET threads = 4", "refused: SET"),
        ("PRAGMA database_list", "refused: PRAGMA"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("SELECT * FROM '/etc/hostname'", "does not exist"),
        ("SELECT * FROM sys", "does not exist"),
        ("SELECT 1; SELECT 2", "found 2 statements"),
        ("SELECT nope FROM author", "refused the query: Binder Error"),
        ("selec", "Parser Error"),
        ("", "found 0 statements"),
    ],
)
def test_only_one_query_that_reads_the_database_alone_is_run(path: Path, sql: str, said: str) -> None:
    sys = [1]  # a Python variable that DuckDB would take for a table
    assert sys
    with Database(path).open() as database, pytest.raises(ExecutionError, match=said):
        database.run(sql)


def test_limits(path: Path) -> None:
    with Database(path).open(QueryLimits(timeout_s=0.5, max_rows=100)) as database:
        with pytest.raises(TooManyRows, match="more than 100 rows"):
            database.run("SELECT * FROM book")
        start = time.monotonic()
        with pytest.raises(QueryTimeout, match=r"longer than 0\.5 s"):
            database.run("WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT COUNT(*) FROM t")
        assert time.monotonic() - start < 5
        assert database.run("SELECT 1").rows == [(1,)], "the next query is not interrupted"


def test_files_that_are_none(tmp_path: Path, path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        Database(tmp_path / "no.duckdb").open()
    (tmp_path / "text.duckdb").write_text("no database " * 100)
    with pytest.raises(BadInput, match="not a DuckDB database"):
        Database(tmp_path / "text.duckdb").open()
    with pytest.raises(BadInput, match="is a folder"):
        (tmp_path / "folder.duckdb").mkdir()
        Database(tmp_path / "folder.duckdb").open()
    (tmp_path / "other.db").write_bytes(path.read_bytes())
    assert Database(tmp_path / "other.db").engine is Engine.DUCKDB, "the header counts, not the ending"


def test_a_file_that_another_process_writes_is_named(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "held.duckdb"
    copy.write_bytes(path.read_bytes())
    hold = f"import duckdb, sys; c = duckdb.connect({str(copy)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        database = Database(copy)
        for attempt in (database.open, lambda: database.schema, database.perturbed_copy):
            with pytest.raises(BadInput, match=r"held\.duckdb is locked by another process"):
                attempt()
        holder.stdin.close()


def test_the_schema_has_types_keys_and_views_of_main_alone(path: Path) -> None:
    schema = Database(path).schema
    assert {t.name for t in schema} == {"author", "book", "day", "nothing", "dear"}
    book = schema.table("BOOK")
    assert book is not None
    assert [(c.name, c.type) for c in book.columns[:4]] == [
        ("id", "INTEGER"),
        ("author_id", "INTEGER"),
        ("price", "DECIMAL(10,2)"),
        ("tags", "VARCHAR[]"),
    ]
    assert [c.name for c in book.columns if c.primary_key] == ["id"]
    assert book.foreign_keys == (ForeignKey("author_id", "author", "id"),)
    assert book.columns[2].kind == "real"


def test_a_perturbed_copy_is_like_its_source_and_other(path: Path) -> None:
    database = Database(path)
    before = database.digest
    values = SeedValues(("Ann", 5), ({"name": "Ann"}, {"born": "1999-01-01"}))
    with database.open() as real, database.perturbed_copy(7, values) as copy:
        for table in ("author", "book", "day"):
            assert copy.run(f"FROM {table}").columns == real.run(f"FROM {table}").columns
            assert copy.run(f"FROM {table}").rows != real.run(f"FROM {table}").rows
            key = real.run(f"FROM {table}").columns[0]
            assert copy.run(f"SELECT COUNT(*) - COUNT(DISTINCT {key}) FROM {table}").rows == [(0,)], "keys are unique"
            assert copy.run(f"SELECT COUNT(*) FROM {table}").rows[0][0] > 40
        assert copy.run("SELECT COUNT(*) > 0 FROM author WHERE name = 'Ann'").rows == [(True,)]
        assert copy.run("SELECT COUNT(*) > 0 FROM author WHERE born = DATE '1999-01-01'").rows == [(True,)]
        assert copy.run("SELECT COUNT(*) FROM book WHERE price IS NULL OR kind IS NULL OR tags IS NULL").rows != [(0,)]
        assert copy.run("SELECT COUNT(*) > 10, COUNT(title) > 10, COUNT(made) > 5 FROM nothing").rows == [(True,) * 3]
        assert copy.run("SELECT COUNT(*) > 0 FROM dear").rows == [(True,)], "views come along"
        with pytest.raises(ExecutionError, match="disabled by configuration"):
            copy.run("SELECT * FROM read_text('/etc/hostname')")
        with database.perturbed_copy(7, values) as again, database.perturbed_copy(8) as other:
            assert again.run("FROM book").rows == copy.run("FROM book").rows
            assert other.run("FROM book").rows != copy.run("FROM book").rows
        with database.perturbed_copy(7, values, reverse=True) as backwards:
            assert backwards.run("FROM book").rows == copy.run("FROM book").rows[::-1]
    assert database.digest == before


def test_a_reversed_copy_has_the_very_rows(path: Path) -> None:
    with Database(path).open() as real, Database(path).reversed_copy() as copy:
        for table in ("author", "book", "day"):
            assert copy.run(f"FROM {table}").rows == real.run(f"FROM {table}").rows[::-1]


@pytest.mark.parametrize(
    ("gold", "other", "said"),
    [
        ("SELECT id FROM book ORDER BY kind", "SELECT id FROM book ORDER BY kind, id DESC", None),
        ("SELECT id FROM book ORDER BY kind LIMIT 5", "SELECT id FROM book ORDER BY kind, id DESC LIMIT 5", None),
        ("SELECT id FROM book ORDER BY kind, id", "SELECT id FROM book ORDER BY kind, id DESC", "order"),
        ("FROM book SELECT id % 7 AS k ORDER BY k", "SELECT id % 7 FROM book ORDER BY 1", None),
        ("SELECT id % 7 AS id FROM book ORDER BY id + 1", "SELECT id % 7 FROM book ORDER BY 1", "undecidable"),
        ("SELECT price FROM book", "SELECT price * 1.000000001 FROM book ORDER BY random()", None),
    ],
)
def test_results_are_compared_by_what_the_gold_promises_in_its_own_dialect(
    path: Path, gold: str, other: str, said: str | None
) -> None:
    with Database(path).open() as database:
        assert compare(gold, database.run(gold), database.run(other), database.run, "duckdb") == said
