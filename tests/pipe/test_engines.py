"""GoogleSQL's expressions mean the same on every engine: their values are those of Google's own executor.

Each expression of `expressions` is lowered, run on rows with NULLs, negative numbers and empty strings, and compared.
What an engine refuses is listed here, so that nothing is refused or passed by in silence. SQLite and Google's executor
come with the tests; DuckDB, PostgreSQL and Spark are skipped where they are not installed.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipesql.errors import UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from tests.support.oracles import googlesql
from tests.support.queries.expressions import AGGREGATES, DIFFERENT, REFUSED, SCALARS, VALUES, listed
from tests.support.servers import postgres

Run = Callable[[str], list[tuple[Any, ...]]]
TYPED = VALUES.replace("INTEGER", "BIGINT").replace("REAL", "DOUBLE PRECISION")
ENGINES = ("sqlite", "duckdb", "postgres", "bigquery", "spark")


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("engines") / "values.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(VALUES)
    connection.close()
    return path


@pytest.fixture(scope="module")
def google(tables) -> googlesql.Executor:
    return googlesql.executor(tables)


def _sqlite(tables: Path, google: googlesql.Executor) -> Iterator[Run]:
    connection = sqlite3.connect(tables)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def _duckdb(tables: Path, google: googlesql.Executor) -> Iterator[Run]:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
    connection = duckdb.connect()
    connection.execute(TYPED)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def _postgres(tables: Path, google: googlesql.Executor) -> Iterator[Run]:
    with postgres.server() as connection:
        for statement in TYPED.strip().rstrip(";").split(";"):
            connection.execute(statement)
        yield lambda sql: connection.execute(sql).fetchall()


def _bigquery(tables: Path, google: googlesql.Executor) -> Iterator[Run]:
    yield google.run


def _spark(tables: Path, google: googlesql.Executor) -> Iterator[Run]:
    pyspark = pytest.importorskip("pyspark.sql", reason="Spark is not installed: pip install pyspark")
    session = pyspark.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    connection = sqlite3.connect(tables)
    rows = [
        (*row[:7], *(date.fromisoformat(v) if v else None for v in row[7:]))
        for row in connection.execute("SELECT * FROM v")
    ]
    connection.close()
    columns = "id BIGINT, i BIGINT, j BIGINT, r DOUBLE, q DOUBLE, s STRING, p STRING, d DATE, e DATE"
    session.createDataFrame(rows, columns).createOrReplaceTempView("v")
    yield lambda sql: [tuple(row) for row in session.sql(sql).collect()]
    session.stop()


OPEN = {"sqlite": _sqlite, "duckdb": _duckdb, "postgres": _postgres, "bigquery": _bigquery, "spark": _spark}


@pytest.fixture(scope="module", params=[*ENGINES[:-1], pytest.param("spark", marks=pytest.mark.long)])
def engine(request, tables, google) -> Iterator[tuple[str, Run]]:
    for run in OPEN[request.param](tables, google):
        yield request.param, run


def query(expression: str) -> str:
    """The pipe text that computes an expression of `expressions`."""
    if expression in listed(AGGREGATES):
        return f"FROM v |> AGGREGATE {expression} AS value GROUP BY j > 0 AS k |> ORDER BY k"
    return f"FROM v |> SELECT id, {expression} AS value |> ORDER BY id"


def test_values_are_googles(engine, google, tables) -> None:
    dialect, run = engine
    schema = Database(tables).schema
    wrong, refused = [], set()
    for expression in [*listed(SCALARS), *listed(AGGREGATES)]:
        text = query(expression)
        expected = [row[-1] for row in google.run(text)]
        try:
            sql = lower(parse(text), schema, dialect)
        except UnsupportedSql:
            refused.add(expression)
            continue
        try:
            found = [_plain(row[-1]) for row in run(sql)]
        except Exception as e:  # noqa: BLE001 (every engine has errors of its own)
            wrong.append(f"{expression}\n=> {sql}\n{e}")
            continue
        same = len(found) == len(expected) and all(map(_same, found, expected))
        if same == (expression in DIFFERENT.get(dialect, ())):
            wrong.append(f"{expression}\n=> {sql}\nexpected {expected}\nfound    {found}")
    assert not wrong, f"{len(wrong)} wrong\n\n" + "\n\n".join(wrong[:5])
    assert refused == set(listed(REFUSED.get(dialect, "")))


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case Decimal():
            return float(value)
        case date() | datetime():
            return str(value)
        case list():
            return [_plain(v) for v in value]
    return value


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=1e-9)
    return found == expected
