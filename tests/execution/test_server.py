"""Databases by URL: PostgreSQL where it is installed, and SQLite through SQLAlchemy."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipesql.errors import BadInput, ExecutionError, QueryTimeout, TooManyRows
from pipesql.execution.connection import Engine, QueryLimits
from pipesql.execution.database import Database
from pipesql.pipe.schema import ForeignKey

pytest.importorskip("sqlalchemy")

from tests.support.servers.postgres import server

CONTENT = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(40));
CREATE TABLE book (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author(id), price NUMERIC(10, 2));
CREATE VIEW dear AS SELECT id, price FROM book WHERE price > 100;
INSERT INTO author VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO book VALUES (1, 1, 120.50), (2, 1, 7.25), (3, 2, NULL);
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database with some content."""
    with server() as connection:
        connection.execute(CONTENT)
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.hidden (a INTEGER)")
        yield f"postgresql+psycopg://test@/postgres?host={connection.info.host}"


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("url") / "books.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(CONTENT)
    return f"sqlite:///{path}"


@pytest.fixture(params=["postgres", "sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_rows_and_limits(url: str) -> None:
    assert Database(url).engine is Engine.URL
    assert not Database(url).can_be_copied
    with Database(url).open(QueryLimits(timeout_s=1, max_rows=10)) as database:
        assert database.dialect == Database(url).dialect
        result = database.run(
            "SELECT name, price FROM book JOIN author a ON a.id = author_id WHERE name LIKE '%n%' ORDER BY 2"
        )
        assert (result.columns, result.rows) == (("name", "price"), [("Ann", 7.25), ("Ann", 120.5)])
        with pytest.raises(TooManyRows, match="more than 10 rows"):
            database.run("SELECT * FROM book a, book b, book c")
        start = time.monotonic()
        with pytest.raises(QueryTimeout, match="longer than 1 s"):
            database.run("WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT COUNT(*) FROM t")
        assert time.monotonic() - start < 10
        assert database.run("SELECT COUNT(*) FROM book").rows == [(3,)], "the next query runs"
        database.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO author VALUES (3, 'Eve')",
        "DELETE FROM book",
        "SELECT 1; DELETE FROM book",
        "CREATE TABLE t (a INTEGER)",
        "COMMIT",
        "DROP TABLE book",
        "SELECT nope FROM book",
        "selec",
    ],
)
def test_nothing_but_a_query_runs(url: str, sql: str) -> None:
    with Database(url).open() as database:
        with pytest.raises(ExecutionError):
            database.run(sql)
        assert database.run("SELECT COUNT(*) FROM book").rows == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT set_config('transaction_read_only', 'off', true)",
        "WITH gone AS (DELETE FROM book RETURNING 1) SELECT * FROM gone",
        "SHOW port",
        "SET statement_timeout = 0",
    ],
)
def test_a_query_that_does_more_by_the_side_is_refused(postgres: str, sql: str) -> None:
    with Database(postgres).open() as database, pytest.raises(ExecutionError):
        database.run(sql)


def test_the_schema(url: str) -> None:
    schema = Database(url).schema
    assert [t.name for t in schema] == ["author", "book", "dear"]
    book = schema.table("book")
    assert book is not None
    assert [(c.name, c.type, c.primary_key) for c in book.columns] == [
        ("id", "INTEGER", True),
        ("author_id", "INTEGER", False),
        ("price", "NUMERIC(10, 2)", False),
    ]
    assert book.foreign_keys == (ForeignKey("author_id", "author", "id"),)
    assert Database(url).digest == Database(url).digest


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u@h/d", "cannot read databases at mysql://; use postgresql://"),
        ("postgresql://u:secret@h/d", "holds a password"),
        ("postgresql://u@h/d?password=secret", "holds a password"),
        ("postgresql+psycopg://u:${PIPESQL_NO_SUCH}@h/d", "an environment variable in the URL .* is not set"),
        ("postgresql+psycopg://u@127.0.0.1:1/d", "does not answer"),
        ("sqlite:////no/such/file.sqlite", "does not exist"),
    ],
)
def test_urls_that_lead_nowhere(url: str, said: str) -> None:
    if "127.0.0.1" in url:
        pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    with pytest.raises(BadInput, match=said) as raised:
        Database(url).open()
    assert "secret" not in str(raised.value)


def test_a_part_of_the_url_may_be_a_variable(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.replace("test@", "${PIPESQL_TEST_USER}:${PIPESQL_TEST_PASSWORD}@")
    monkeypatch.setenv("PIPESQL_TEST_USER", "test")
    monkeypatch.setenv("PIPESQL_TEST_PASSWORD", "any @ thing/")
    with Database(url).open() as database:
        assert database.run("SELECT current_user").rows == [("test",)]
