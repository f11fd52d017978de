"""Lowered queries give the rows that Google's own executor gives for the pipe text, on SQLite and on DuckDB.

Every ordered pair of operators, and longer runs drawn at random. The default is a sample of the pairs;
`PIPESQL_ALL_PIPELINES=1` runs all of them and many more long ones (two minutes).
"""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from pipesql.errors import SqlError
from pipesql.execution.schema import read_schema
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_query
from pipesql.pipe.resolve import resolve
from tests.pipe import googlesql
from tests.pipe.pipelines import OPERATORS, TABLES, pipeline

ALL = bool(os.environ.get("PIPESQL_ALL_PIPELINES"))


def _runs() -> list[tuple[str, ...]]:
    names = list(OPERATORS)
    chance = random.Random(7)
    pairs = [(first, second) for first in names for second in names]
    longer = [tuple(chance.choice(names) for _ in range(chance.choice((3, 4, 5)))) for _ in range(2000 if ALL else 60)]
    return (pairs if ALL else chance.sample(pairs, 240)) + longer


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("google") / "tables.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


@pytest.fixture(scope="module")
def google(tables) -> googlesql.Executor:
    return googlesql.executor(tables)


def _run_sqlite(tables: Path):
    connection = sqlite3.connect(tables)
    return lambda sql: connection.execute(sql).fetchall()


def _run_duckdb(tables: Path):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
    connection = duckdb.connect()
    connection.execute(TABLES)
    return lambda sql: connection.execute(sql).fetchall()


@pytest.mark.parametrize(("dialect", "opened"), [("sqlite", _run_sqlite), ("duckdb", _run_duckdb)])
def test_rows_are_googles(google, tables, dialect, opened) -> None:
    run, schema = opened(tables), read_schema(tables)
    wrong = []
    for names in _runs():
        text = pipeline(*names)
        try:
            expected = google.run(text)
        except googlesql.GoogleSqlError as e:
            assert "GROUP BY literal" in str(e), text
            continue
        query = parse(text)
        assert print_query(parse(print_query(query))) == print_query(query)
        sql = lower(query, schema, dialect)
        rows = run(sql)
        ordered = resolve(query, schema)[-1].ordered
        if _comparable(expected, ordered) != _comparable(rows, ordered):
            wrong.append(f"{text}\n=> {sql}\nexpected {expected}\nfound    {rows}")
    assert not wrong, "\n\n".join(wrong[:5])


def _comparable(rows: list[tuple], ordered: bool) -> list:
    """Rows as values that compare across engines; sorted unless their order means something."""
    plain = [tuple(float(v) if isinstance(v, int | float) else v for v in row) for row in rows]
    return plain if ordered else sorted(plain, key=repr)


REFUSED = [
    "FROM a |> SELECT nothing",
    "FROM a |> AGGREGATE x",
    "FROM a |> AGGREGATE COUNT(*) AS n, n + 1 AS m",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY 1",
    "FROM a |> AGGREGATE SUM(ROW_NUMBER() OVER ()) AS n",
    "FROM a |> WHERE COUNT(*) > 1",
    "FROM a |> AGGREGATE COUNT(*) AS n |> WHERE COUNT(*) > 1",
    "FROM a |> SELECT x |> WHERE a.x > 1",
    "FROM a |> SELECT x AS p |> WHERE x > 1",
    "FROM a |> JOIN b ON x = bx |> SELECT b.x",
    "FROM a |> JOIN a ON TRUE",
    "FROM a |> EXTEND x + 1 AS x |> SELECT x",
    "FROM a |> EXTEND x AS p, p AS q",
    "FROM a |> DROP id |> SELECT id",
    "FROM a |> DROP id, x, y, s",
    "FROM a |> RENAME nothing AS p",
    "FROM a |> SET nothing = 1",
    "FROM a |> UNION (FROM a)",
    "FROM a |> UNION ALL (FROM b)",
    "FROM a |> LEFT JOIN b",
    "FROM a |> AS p |> SELECT a.x",
    "FROM nothing",
    "FROM a |> LIMIT x",
    "FROM a |>",
    "|> SELECT 1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_google_refuses_is_refused(google, tables, text) -> None:
    schema = read_schema(tables)
    with pytest.raises(googlesql.GoogleSqlError):
        google.run(text)
    with pytest.raises(SqlError) as error:
        lower(parse(text), schema)
    assert "\n" not in str(error.value)
