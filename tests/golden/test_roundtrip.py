"""One question round-tripped on real databases: pairs with proof, and each class of rejection."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.execution.suite import Suite
from pipesql.execution.value_seeding import seed_values
from pipesql.golden.roundtrip import round_trip, rows_digest
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import file_digest

SCRIPT = """
CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INT);
CREATE TABLE song (id INTEGER PRIMARY KEY, singer_id INT REFERENCES singer, title TEXT, sales REAL);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCRIPT)
        countries = ["France", "Chile", "Japan", None]
        db.executemany(
            "INSERT INTO singer VALUES (?, ?, ?, ?)",
            [(i, f"singer {i % 50}", countries[i % 4], 20 + i % 30) for i in range(1, 81)],
        )
        db.executemany(
            "INSERT INTO song VALUES (?, ?, ?, ?)", [(i, i % 90 + 1, f"song {i}", i * 1.25) for i in range(1, 201)]
        )
        db.commit()
    return path


@pytest.fixture
def suite(path: Path) -> Iterator[Suite]:
    with Suite(Database(path), copies=1) as opened:
        yield opened


def ask(suite: Suite, gold: str) -> GoldenPair | Rejection:
    question = Question("q", "music", suite.database.location, "What?", gold, "b", "train", "hint", "easy")
    return round_trip(question, suite)


@pytest.mark.parametrize(
    "gold",
    [
        "SELECT name FROM singer WHERE age > 30",
        "SELECT country, COUNT(*) FROM singer GROUP BY country ORDER BY COUNT(*) DESC LIMIT 1",
        "SELECT T1.name, T2.title FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id WHERE T2.sales < 9.5",
        "SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM song)",
        "SELECT country FROM singer WHERE age > 40 INTERSECT SELECT country FROM singer WHERE age < 30",
        "SELECT AVG(age), MAX(age) FROM singer WHERE country = 'Nowhere'",
    ],
)
def test_a_golden_pair_is_text_that_reads_back_and_returns_the_golds_rows(suite: Suite, gold: str) -> None:
    pair = ask(suite, gold)
    assert isinstance(pair, GoldenPair), pair
    assert pair.operators[0].startswith("FROM ") and all(o.startswith("|> ") for o in pair.operators[1:])
    assert pair.lowered_sql == lower(parse(pair.pipe_sql), suite.schema)
    rows = suite.real.run(gold).rows
    assert (pair.rows, pair.rows_digest) == (len(rows), rows_digest(rows))
    assert pair.database_digest == file_digest(Path(suite.database.location))
    assert (pair.evidence, pair.hardness, pair.split) == ("hint", "easy", "train")
    rows = suite.copies[0].run(gold).rows
    assert (pair.perturbed_rows, pair.perturbed_digest) == (len(rows), rows_digest(rows))
    assert pair.pure and pair.constructs


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ("SELECT nought FROM singer", "gold_error:name"),
        ("SELECT nought(name) FROM singer", "gold_error:function"),
        ("SELECT name FROM", "gold_error:syntax"),
        ("SELECT name FROM singer WHERE COUNT(*) > 1", "gold_error:misuse"),
        ("SELECT json_extract('{', '$') FROM singer", "gold_error:value"),
        ("DELETE FROM singer", "gold_error:refused"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", "gold_error:rows"),
    ],
)
def test_gold_that_does_not_execute_is_a_gold_error(suite: Suite, gold: str, reason: str) -> None:
    rejection = ask(suite, gold)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.pipe_sql) == (reason, "")
    assert rejection.detail and rejection.shown_on == "real" and rejection.operator == 0


class TestJudging:
    """What the language would have to get wrong, done to it: the judge must see it on one of the two databases."""

    @pytest.mark.parametrize(
        ("gold", "wrong", "reason"),
        [
            ("SELECT name FROM singer", "SELECT DISTINCT name FROM singer", "mismatch:multiplicity"),
            ("SELECT name, age FROM singer", "SELECT name FROM singer", "mismatch:columns"),
            ("SELECT id FROM singer ORDER BY age", "SELECT id FROM singer ORDER BY age DESC", "mismatch:order"),
            ("SELECT id FROM singer", "SELECT ident FROM singer", "error:name"),
            ("SELECT id FROM singer WHERE age > 30", "SELECT id FROM singer", "mismatch:extra"),
            ("SELECT id FROM singer", "SELECT CAST(id AS TEXT) FROM singer", "mismatch:types"),
            # equal on the real database, where every song has a title and no singer is called so
            ("SELECT COUNT(*) FROM song", "SELECT COUNT(title) FROM song", "mismatch:values"),
            (
                "SELECT title FROM song ORDER BY id",
                "SELECT DISTINCT title FROM song ORDER BY id",
                "mismatch:multiplicity",
            ),
            ("SELECT id FROM song", "SELECT s.id FROM song AS s WHERE s.sales > 0", "mismatch:missing"),
        ],
    )
    def test_a_wrong_query_is_seen(
        self, monkeypatch: pytest.MonkeyPatch, suite: Suite, gold: str, wrong: str, reason: str
    ) -> None:
        monkeypatch.setattr("pipesql.golden.roundtrip.lower", lambda *_: wrong)
        rejection = ask(suite, gold)
        assert isinstance(rejection, Rejection)
        assert rejection.reason == reason
        assert rejection.pipe_sql.startswith("FROM ")

    def test_a_query_that_runs_on_is_a_timeout(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
        monkeypatch.setattr("pipesql.golden.roundtrip.lower", lambda *_: endless)
        with Suite(Database(path, QueryLimits(timeout_s=0.3)), copies=1) as suite:
            rejection = ask(suite, "SELECT id FROM singer")
        assert isinstance(rejection, Rejection)
        assert rejection.reason == "timeout"

    @pytest.mark.parametrize(
        ("gold", "other"),
        [
            ("SELECT id FROM singer LIMIT 3", "SELECT id FROM singer ORDER BY id DESC LIMIT 3"),
            (
                "SELECT name, country FROM singer GROUP BY country",
                "SELECT MAX(name), country FROM singer GROUP BY country",
            ),
            (
                "SELECT name FROM singer WHERE id = (SELECT id FROM singer ORDER BY age LIMIT 1)",
                "SELECT name FROM singer WHERE id = (SELECT MAX(id) FROM singer WHERE age = 20)",
            ),
        ],
    )
    def test_gold_with_more_than_one_answer_is_undecidable_only_where_the_rows_differ(
        self, monkeypatch: pytest.MonkeyPatch, suite: Suite, gold: str, other: str
    ) -> None:
        monkeypatch.setattr("pipesql.golden.roundtrip.lower", lambda *_: gold)
        assert isinstance(ask(suite, gold), GoldenPair)
        monkeypatch.setattr("pipesql.golden.roundtrip.lower", lambda *_: other)
        rejection = ask(suite, gold)
        assert isinstance(rejection, Rejection)
        assert rejection.reason == "undecidable"


def test_literals_of_queries_are_found_once_each_and_unreadable_queries_give_none() -> None:
    golds = ["SELECT 1 FROM t WHERE a = 'x' AND b LIKE '%y%'", 'SELECT a FROM t WHERE b = "z" AND c > 2.5', "SELECT ("]
    assert seed_values([*golds, golds[0]]).literals == (1, "x", "y", 2.5, "z")


def test_what_queries_compare_columns_with_is_seeded_together() -> None:
    golds = [
        'SELECT 1 FROM t AS x WHERE x.A = 1 AND b = "y" OR x.A > -2.5',
        "SELECT a FROM t WHERE b LIKE '%z%' AND c BETWEEN 3 AND 5 AND a = b",
        "SELECT a FROM t WHERE a IN ('p', 'q') AND d IN (SELECT e FROM u WHERE f = 1)",
        "SELECT (",
    ]
    assert list(seed_values([*golds, golds[0]]).rows) == [
        {"a": -1.5, "b": "y"},
        {"a": -2.5, "b": "y"},
        {"a": 1, "b": "y"},
        {"b": "z", "c": 3},
        {"b": "z", "c": 5},
        {"a": "p", "f": 1},
        {"a": "q", "f": 1},
    ]
