"""Queries of other dialects than SQLite: what the pipe text says is what their own engine does.

Each query runs on its engine, and so does what its pipe text is lowered to; Google's executor runs the pipe text itself
on the same tables. All give the same rows, in order where the query sorts.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipesql.decompile import decompile
from pipesql.errors import PipesqlError, SqlError
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.walk import require_pure
from tests.support.oracles import googlesql
from tests.support.queries.dialects import (
    BIGQUERY,
    DUCKDB,
    EVERYWHERE,
    POSTGRES,
    REFUSED,
    ROWS,
    SCHEMA,
    SPARK_TEXTS,
    TABLES,
    queries,
)
from tests.support.servers import postgres

Run = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path: Path = tmp_path_factory.mktemp("dialects") / "tables.sqlite"
    connection = sqlite3.connect(path)
    for name, columns in TABLES.items():
        listed = ", ".join(f"{c} {'REAL' if kind.startswith('DOUBLE') else kind}" for c, kind in columns)
        connection.execute(f"CREATE TABLE {name} ({listed})")
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", ROWS[name])
    connection.commit()
    connection.close()
    return googlesql.executor(path).run


@pytest.fixture(scope="module")
def duckdb() -> Run:
    module = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
    connection = module.connect()
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns)})")
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", ROWS[name])
    return lambda sql: connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Run]:
    with postgres.server() as connection:
        for name, columns in TABLES.items():
            key = ", PRIMARY KEY (id)" if name == "people" else ""
            connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns)}{key})")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(columns))})", ROWS[name])
        yield lambda sql: connection.execute(sql).fetchall()


def comparable(rows: list[tuple[Any, ...]], ordered: bool) -> list[Any]:
    """Rows as values that compare across engines; sorted unless their order means something."""
    plain = [tuple(_plain(v) for v in row) for row in rows]
    return plain if ordered else sorted(plain, key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | Decimal):
        return round(float(value), 9)
    return value


def holds(sql: str, dialect: str, run: Run, google: Run) -> None:
    """The query, its pipe text on Google's executor, and what that is lowered to give the same rows."""
    pipe = print_query(decompile(sql, SCHEMA, dialect))
    query = parse(pipe)
    require_pure(query)
    assert print_query(query) == pipe
    lowered = lower(query, SCHEMA, dialect)
    ordered = resolve(query, SCHEMA)[-1].ordered
    expected = comparable(run(sql), ordered)
    assert comparable(run(lowered), ordered) == expected, f"{pipe}\n{lowered}"
    assert comparable(google(pipe), ordered) == expected, pipe


@pytest.mark.parametrize("sql", queries(EVERYWHERE.replace(" DISTINCT SELECT", " SELECT") + DUCKDB))
def test_duckdb(sql: str, duckdb: Run, google: Run) -> None:
    holds(sql, "duckdb", duckdb, google)


@pytest.mark.parametrize("sql", queries(EVERYWHERE.replace(" DISTINCT SELECT", " SELECT") + POSTGRES))
def test_postgres(sql: str, postgresql: Run, google: Run) -> None:
    holds(sql, "postgres", postgresql, google)


@pytest.mark.parametrize("sql", queries(EVERYWHERE + BIGQUERY))
def test_bigquery(sql: str, google: Run) -> None:
    holds(sql, "bigquery", google, google)


@pytest.mark.parametrize(("sql", "pipe"), SPARK_TEXTS.items())
def test_spark(sql: str, pipe: str) -> None:
    assert print_query(decompile(sql, SCHEMA, "spark")) == pipe


@pytest.mark.parametrize(
    ("dialect", "sql", "construct"),
    [(dialect, sql, construct) for dialect, cases in REFUSED.items() for sql, construct in cases.items()],
)
def test_what_has_no_meaning_in_googlesql_is_refused_by_name(dialect: str, sql: str, construct: str) -> None:
    with pytest.raises(SqlError) as error:
        decompile(sql, SCHEMA, dialect)
    assert str(error.value).startswith(f"cannot express {construct}")


_WORDS = """QUALIFY ROLLUP ( ) , CUBE GROUPING SETS ALL DISTINCT ON USING NATURAL FULL JOIN LEFT WINDOW w AS OVER
    PARTITION BY VALUES WITH RECURSIVE UNION INTERSECT EXCEPT EXCLUDE REPLACE ILIKE '%a' ESCAPE // % :: INT FILTER WHERE
    COLLATE NOCASE rowid LIMIT FETCH FIRST ORDER GROUP name id people * t.* (SELECT 1) IN EXISTS GROUPING(age) INTERVAL
    LATERAL UNNEST [1] CASE WHEN END HAVING NULLS LAST"""


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb", "postgres", "bigquery", "spark"])
def test_mutated_text_ends_in_our_errors(dialect: str) -> None:
    chance, words = random.Random(11), _WORDS.split()
    texts = queries(EVERYWHERE + {"duckdb": DUCKDB, "postgres": POSTGRES, "bigquery": BIGQUERY}.get(dialect, ""))
    for _ in range(1500):
        parts = chance.choice(texts).split(" ")
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(parts))
            match chance.randrange(3):
                case 0:
                    parts.insert(at, chance.choice(words))
                case 1 if len(parts) > 1:
                    del parts[at]
                case _:
                    parts[at] = chance.choice(words)
        sql = " ".join(parts)
        try:
            print_query(decompile(sql, SCHEMA, dialect))
        except PipesqlError as e:
            assert "\n" not in str(e), sql


def test_the_quoting_of_texts_is_the_dialects() -> None:
    for dialect in ("duckdb", "postgres"):
        with pytest.raises(SqlError, match="no column nothing"):
            decompile('SELECT id FROM people WHERE name = "nothing"', SCHEMA, dialect)
    for dialect in ("sqlite", "bigquery", "spark"):
        assert "'nothing'" in print_query(decompile('SELECT id FROM people WHERE name = "nothing"', SCHEMA, dialect))


def test_a_dialect_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SqlError, match="queries of the dialect mysql"):
        decompile("SELECT id FROM people", SCHEMA, "mysql")
