"""A small real database, and predictions on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipesql.records import GoldenPair, Prediction
from tests.support.pairs import golden_pair

GOLD = "SELECT name FROM singer WHERE age > 30"


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("db") / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
            INSERT INTO singer VALUES (1, 'Ann', 31), (2, 'Bob', 25), (3, 'Cem', 47), (4, 'Ann', 52);
            CREATE TABLE number (n INTEGER);
            WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000)
            INSERT INTO number SELECT n FROM r;
            """
        )
    connection.close()
    return path


@pytest.fixture
def prediction(database):
    def make(pipe: str, gold: str = GOLD, stop: str = "done", **more) -> Prediction:
        return Prediction(
            id=more.pop("id", "q1"),
            db_id="music",
            database=str(database),
            question="Who is over 30?",
            gold_sql=gold,
            operators=tuple(pipe.split("\n")),
            stop=stop,
            **more,
        )

    return make


@pytest.fixture
def golden(database) -> list[GoldenPair]:
    """Questions as a data step leaves them."""
    return [
        golden_pair(
            id=f"q{i}",
            database=str(database),
            question=question,
            gold_sql=GOLD,
            split="dev",
            operators=("FROM singer", "|> WHERE age > 30", "|> SELECT name"),
            lowered_sql=GOLD,
            rows=3,
            hardness=hardness,
        )
        for i, (question, hardness) in enumerate(
            [("Who is over 30?", "easy"), ("Name the singers older than thirty.", "medium"), ("Over 30?", "easy")]
        )
    ]
