"""`explain` shows the table after every operator, and where a query fails the operator and the reason."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipesql.api.execute import Prefix, explain
from pipesql.cli.main import main

QUERY = (
    "FROM singer |> WHERE age IS NOT NULL |> AGGREGATE COUNT(*) AS n GROUP BY town |> ORDER BY n DESC, town |> LIMIT 1"
)


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("explain") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE singer (name TEXT, town TEXT, age INTEGER);
        INSERT INTO singer VALUES ('Ann', 'Rome', 31), ('Bob', 'Oslo', 25), ('Cém', 'Oslo', 47), ('Dan', 'Rome', NULL);
        """
    )
    connection.close()
    return path


def explained(db: Path, query: str, rows: int = 2) -> list[Prefix]:
    return list(explain(query, db, rows=rows))


def test_every_operator_has_its_table(db) -> None:
    found = explained(db, QUERY)
    assert [s.operator for s in found] == [
        "FROM singer",
        "WHERE age IS NOT NULL",
        "AGGREGATE COUNT(*) AS n GROUP BY town",
        "ORDER BY n DESC, town",
        "LIMIT 1",
    ]
    assert [s.row_count for s in found] == [4, 3, 2, 2, 1]
    assert [s.ordered for s in found] == [False, False, False, True, True]
    assert found[2].columns == ("town", "n")
    assert found[4].rows == (("Oslo", 2),)
    assert [len(s.rows) for s in explained(db, QUERY, rows=1)] == [1, 1, 1, 1, 1]


def test_rows_keep_to_the_query_s_own_limit_and_offset(db) -> None:
    last = explained(db, "FROM singer |> ORDER BY name |> LIMIT 3 OFFSET 2", rows=5)[-1]
    assert last.row_count == 2 and [row[0] for row in last.rows] == ["Cém", "Dan"]


@pytest.mark.parametrize(
    ("query", "operator", "reason"),
    [
        ("FROM singer |> WHERE agee > 3 |> LIMIT 1", "WHERE agee > 3", "did you mean age"),
        ("FROM singer |> FOO (FROM a |> SELECT b)", "FOO (FROM a |> SELECT b)", "not a pipe operator"),
        ("FROM singer |> WHERE name = 'Ann |> x' |> WHERE 'a' |> |> LIMIT 1", "", "missing after |>"),
        ("FROM singr", "FROM singr", "did you mean singer?"),
        ("FROM singer |> WHERE COUNT(*) > 1", "WHERE COUNT(*) > 1", "AGGREGATE first"),
    ],
)
def test_the_first_wrong_operator_ends_it(db, query: str, operator: str, reason: str) -> None:
    *before, last = explained(db, query)
    assert last.operator == operator and reason in last.error
    assert all(not s.error for s in before)


def test_the_command_prints_text_or_json_and_says_by_its_status_whether_the_query_holds(db) -> None:
    text = CliRunner().invoke(main, ["explain", "--db", str(db), "--sql", QUERY])
    assert text.exit_code == 0
    assert "3  AGGREGATE COUNT(*) AS n GROUP BY town" in text.output and "2 rows, 2 columns, in no order" in text.output
    assert "SELECT town, COUNT(*) AS n FROM singer WHERE age IS NOT NULL GROUP BY town" in text.output
    machine = CliRunner().invoke(main, ["explain", "--db", str(db), "--json"], input="FROM singer |> SELECT nme")
    assert machine.exit_code == 1
    rows = [json.loads(line) for line in machine.stdout.splitlines()]
    assert rows[0]["row_count"] == 4 and "did you mean name?" in rows[1]["error"]
