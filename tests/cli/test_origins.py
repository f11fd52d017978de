"""`to-pipe --explain` says which clause each operator comes from, and `--keep-names` keeps the query's own names."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipesql.api.convert import Origin, origins
from pipesql.cli.main import main

TABLES = """
    CREATE TABLE singer (Singer_ID INTEGER PRIMARY KEY, Name TEXT, Age INTEGER);
    CREATE TABLE concert (Singer_ID INTEGER, year INTEGER);
"""


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("origins") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


def found(sql: str, db: Path) -> list[tuple[str, str, str]]:
    return [(s.operator, s.clause, s.text) for s in origins(sql, db, dialect="sqlite")]


def test_every_clause_is_named(db) -> None:
    sql = (
        "SELECT t1.name, COUNT(*) AS n FROM singer AS t1 JOIN concert AS t2 ON t1.singer_id = t2.singer_id "
        "WHERE t2.year > 2000 GROUP BY t1.name HAVING n > 1 ORDER BY n DESC LIMIT 3"
    )
    assert found(sql, db) == [
        ("FROM singer", "FROM", "FROM singer AS t1"),
        (
            "JOIN concert ON singer.Singer_ID = concert.Singer_ID",
            "JOIN",
            "JOIN concert AS t2 ON t1.singer_id = t2.singer_id",
        ),
        ("WHERE year > 2000", "WHERE", "WHERE t2.year > 2000"),
        ("AGGREGATE COUNT(*) AS n GROUP BY Name", "GROUP BY", "COUNT(*) GROUP BY t1.name"),
        ("WHERE n > 1", "HAVING", "HAVING n > 1"),
        ("ORDER BY n DESC", "ORDER BY", "ORDER BY n DESC"),
        ("LIMIT 3", "LIMIT", "LIMIT 3"),
    ]


def test_aggregation_without_keys_comes_from_the_select(db) -> None:
    last = found("SELECT MAX(age) FROM singer", db)[-1]
    assert last == ("AGGREGATE MAX(Age) AS max_Age", "SELECT", "MAX(age)")


def test_derived_tables_and_set_operations(db) -> None:
    sql = "SELECT q.n FROM (SELECT name AS n FROM singer WHERE age > 1) AS q UNION ALL SELECT year FROM concert"
    assert found(sql, db) == [
        ("FROM singer", "FROM of q", "FROM singer"),
        ("WHERE Age > 1", "WHERE of q", "WHERE age > 1"),
        ("SELECT Name AS n", "SELECT of q", "SELECT name AS n"),
        ("SELECT n", "SELECT", "SELECT q.n"),
        ("UNION ALL (FROM concert |> SELECT year)", "UNION", "UNION ALL SELECT year FROM concert"),
    ]


def test_ctes_come_first_under_their_names(db) -> None:
    sql = "WITH a AS (SELECT name FROM singer) SELECT * FROM a WHERE name > 'B'"
    assert list(origins(sql, db, dialect="sqlite")) == [
        Origin("a", "FROM singer", "FROM of a", "FROM singer"),
        Origin("a", "SELECT Name", "SELECT of a", "SELECT name"),
        Origin("", "FROM a", "FROM", "FROM a"),
        Origin("", "WHERE Name > 'B'", "WHERE", "WHERE name > 'B'"),
    ]


def test_every_operator_has_an_origin(db) -> None:
    for sql in (
        "SELECT DISTINCT name FROM singer ORDER BY age",
        "SELECT name, RANK() OVER (ORDER BY age) AS r FROM singer ORDER BY r LIMIT 2",
        "WITH r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
        "SELECT 1 WHERE 1 = 1",
        "SELECT name FROM singer WHERE age IN (SELECT year FROM concert) GROUP BY 1 HAVING MAX(age) > 3",
        "SELECT * FROM (SELECT name FROM singer LIMIT 2) AS t, concert",
    ):
        assert all(origin.clause for origin in origins(sql, db, dialect="sqlite")), sql


def test_the_command_prints_a_table_or_json(db) -> None:
    call = ["to-pipe", "--db", str(db), "--explain", "SELECT name FROM singer LIMIT 1"]
    assert CliRunner().invoke(main, call).output.splitlines() == [
        "operator    | clause | query",
        "------------+--------+------------",
        "FROM singer | FROM   | FROM singer",
        "LIMIT 1     | LIMIT  | LIMIT 1",
        "SELECT Name | SELECT | SELECT name",
    ]
    rows = [json.loads(line) for line in CliRunner().invoke(main, [*call, "--json"]).output.splitlines()]
    assert rows[1] == {"query": "", "operator": "LIMIT 1", "clause": "LIMIT", "text": "LIMIT 1"}


def test_explaining_takes_one_query(db) -> None:
    result = CliRunner().invoke(main, ["to-pipe", "--db", str(db), "--explain", "--jsonl"], input="")
    assert (result.exit_code, "without --jsonl" in result.output) == (2, True)
    assert CliRunner().invoke(main, ["to-pipe", "--json", "SELECT 1"]).exit_code == 2


KEPT = {
    "SELECT T1.NAME FROM Singer AS T1 WHERE t1.age > 1": "FROM Singer AS T1\n|> WHERE T1.age > 1\n|> SELECT T1.NAME",
    "SELECT NAME, COUNT(*) FROM singer GROUP BY name": "FROM singer\n|> AGGREGATE COUNT(*) AS count GROUP BY name",
    "SELECT a.name FROM (SELECT * FROM singer) AS a": "FROM singer\n|> AS a\n|> SELECT a.name",
    "SELECT x.year FROM concert AS x JOIN singer AS y ON x.SINGER_ID = Y.singer_id": (
        "FROM concert AS x\n|> JOIN singer AS y ON x.SINGER_ID = y.singer_id\n|> SELECT x.year"
    ),
}


@pytest.mark.parametrize(("sql", "pipe"), KEPT.items())
def test_keep_names(db, sql: str, pipe: str) -> None:
    result = CliRunner().invoke(main, ["to-pipe", "--db", str(db), "--keep-names", sql])
    assert (result.exit_code, result.output) == (0, pipe + "\n")
