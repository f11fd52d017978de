"""The tools: what they give, what they leave out and say so, and what they refuse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipesql.assistant_tools.specs import SPECS
from pipesql.assistant_tools.toolbox import Toolbox, ToolLimits
from pipesql.errors import BadInput
from pipesql.execution.database import Database

LONG = "x" * 200


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            f"""
            CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INT, photo BLOB);
            CREATE TABLE "free seats" (singer INT REFERENCES singer (id), n REAL);
            INSERT INTO singer VALUES (1, 'Ann', 30, x'ff00'), (2, '{LONG}', NULL, NULL);
            WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50)
            INSERT INTO "free seats" SELECT 1, n FROM s;
            """
        )
    return path


@pytest.fixture
def box(database: Path) -> Iterator[Toolbox]:
    with Toolbox(Database(database), ToolLimits()) as opened:
        yield opened


def answer(box: Toolbox, name: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(box.call(name, arguments))
    return found


def test_tables_and_what_they_hold(box: Toolbox) -> None:
    assert answer(box, "list_tables") == {"tables": ["singer", "`free seats`"]}
    assert answer(box, "describe_table", table="Free Seats") == {
        "schema": "`free seats`: singer int = singer.id, n real",
        "rows": 50,
    }
    assert answer(box, "describe_table", table="`free seats`")["rows"] == 50
    assert answer(box, "sample_data", table="free seats", limit=2) == {
        "columns": ["singer", "n"],
        "rows": [[1, 1], [1, 2]],
    }


def test_a_value_that_is_cut_says_how_long_it_was(box: Toolbox) -> None:
    rows = answer(box, "sample_data", table="singer")["rows"]
    assert rows == [[1, "Ann", 30, "0xff00"], [2, f"{LONG[:60]}… (200 characters)", None, None]]


def test_a_query_gives_its_first_rows_and_their_number(box: Toolbox) -> None:
    assert answer(box, "execute_pipe_sql", query="FROM `free seats` |> ORDER BY n DESC |> SELECT n") == {
        "columns": ["n"],
        "rows": [[50.0], [49.0], [48.0]],
        "row_count": 50,
        "note": "3 of 50 rows shown",
    }
    assert answer(box, "execute_pipe_sql", query="FROM singer |> AGGREGATE COUNT(*) AS n") == {
        "columns": ["n"],
        "rows": [[2]],
        "row_count": 1,
    }
    assert answer(box, "execute_pipe_sql", query="FROM `free seats` |> LIMIT 3")["row_count"] == 3


def test_a_query_can_be_checked_without_running_it(box: Toolbox) -> None:
    assert answer(box, "validate_pipe_sql", query="FROM singer |> SELECT name") == {"valid": True, "columns": ["name"]}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (
            "execute_pipe_sql",
            {"query": "FROM singer |> SELECT nme"},
            "operator 2: no column nme here: did you mean name",
        ),
        ("execute_pipe_sql", {"query": "FROM singer |> SELECT age |> WHERE name = 'Ann'"}, "no column name here"),
        ("execute_pipe_sql", {"query": "SELECT name FROM singer"}, "a standard SELECT is not pipe SQL"),
        ("execute_pipe_sql", {"query": "singer"}, "a pipe query starts with FROM"),
        ("validate_pipe_sql", {"query": "FROM nothing"}, "no table nothing here"),
        ("describe_table", {"table": "singers"}, "did you mean singer?"),
        ("describe_table", {}, "needs the argument table"),
        ("describe_table", {"table": 3}, "must be a text"),
        ("sample_data", {"table": "singer", "limit": 11}, "a whole number from 1 to 10"),
        ("sample_data", {"table": "singer", "limit": True}, "a whole number from 1 to 10"),
        ("list_tables", {"schema": "x"}, "has no argument schema; it takes none"),
        ("drop_table", {}, "there is no tool drop_table; there are list_tables"),
    ],
)
def test_what_cannot_be_done_is_an_error_to_act_on(
    box: Toolbox, name: str, arguments: dict[str, Any], said: str
) -> None:
    assert said in answer(box, name, **arguments)["error"]


def test_a_query_that_runs_on_is_stopped(database: Path) -> None:
    query = "FROM `free seats` AS a" + "".join(f" |> CROSS JOIN `free seats` AS {c}" for c in "bcdefg")
    with Toolbox(Database(database), ToolLimits(seconds=0.2)) as box:
        error = answer(box, "execute_pipe_sql", query=query + " |> AGGREGATE COUNT(*) AS n")["error"]
    assert error.startswith("the query ran longer than 0.2 s and was stopped")


def test_rows_that_cannot_be_counted_in_time_are_shown_all_the_same(database: Path) -> None:
    query = "FROM `free seats` AS a" + "".join(f" |> CROSS JOIN `free seats` AS {c}" for c in "bcdefg")
    with Toolbox(Database(database), ToolLimits(seconds=0.2)) as box:
        found = answer(box, "execute_pipe_sql", query=query + " |> SELECT a.n")
    assert found == {
        "columns": ["n"],
        "rows": [[1.0]] * 3,
        "note": "3 rows shown; counting all rows takes too long",
    }


def test_many_tables_are_not_all_named(database: Path) -> None:
    with Toolbox(Database(database), ToolLimits(names=1)) as box:
        assert answer(box, "list_tables") == {"tables": ["singer"], "note": "1 of 2 tables shown"}


def test_a_database_that_is_not_there_is_raised(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Toolbox(Database(tmp_path / "none.sqlite"))


def test_every_specification_is_a_function_with_a_schema() -> None:
    for spec in SPECS:
        function = spec["function"]
        assert spec["type"] == "function"
        assert function["description"].endswith(".")
        assert set(function["parameters"]["required"]) <= function["parameters"]["properties"].keys()
        assert callable(getattr(Toolbox, function["name"]))
