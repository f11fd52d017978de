"""Values that a question speaks of: found by their words, spelt as the database spells them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.assistant_tools import grounding
from pipesql.assistant_tools.grounding import matching_values, value_index
from pipesql.chat.prompts import messages
from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE singer (id INT, name TEXT, country TEXT, sex TEXT, year TEXT);
            INSERT INTO singer VALUES (1, 'York', 'United States', 'F', '2010'), (2, 'New York', 'france', 'M', '2011'),
              (3, 'France', 'Peru', 'm', '2012'), (4, 'O''Neil', 'what', NULL, NULL);
            """
        )
    return path


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Who is from the united  states?", [("country", "United States")]),
        ("Is New York older than York?", [("name", "New York"), ("name", "York")]),
        ("List singers of France.", [("country", "france"), ("name", "France")]),
        ("Which singers have sex F in 2010?", [("sex", "F")]),
        ("what is a woman (f)?", []),
        ("Did O'Neil sing?", [("name", "O'Neil")]),
        ("Is Neil a singer?", []),
    ],
)
def test_what_matches(database: Path, question: str, found: list[tuple[str, str]]) -> None:
    values = matching_values(Database(database), question, 2)
    assert all(table == "singer" for table, _, _ in values)
    assert sorted((column, value) for _, column, value in values) == sorted(found)


def test_at_most_so_many_a_column(database: Path) -> None:
    assert len(matching_values(Database(database), "New York, York, France, O'Neil", 1)) == 2
    assert matching_values(Database(database), "New York", 0) == []


def test_columns_of_too_many_values_are_left_out_and_named(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grounding, "LIMITS", QueryLimits(max_rows=3))
    value_index.cache_clear()
    assert value_index(Database(database)).left_out == ("singer.id", "singer.name", "singer.country")
    value_index.cache_clear()


def test_values_stand_behind_the_schema_as_a_query_writes_them(database: Path) -> None:
    schema, question = Database(database).schema, "Did O'Neil sing?"
    plain = messages(schema, question)[1]["content"]
    text = messages(schema, question, values=matching_values(Database(database), question, 2))[1]["content"]
    head, _, tail = plain.rpartition("Question: ")
    assert text == f"{head}Values: singer.name = 'O\\'Neil'\nQuestion: {tail}"
