"""The operator that is to blame, on pipe queries that are wrong in one place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlglot

from pipesql import benchmarks
from pipesql.decompile import decompile
from pipesql.execution.database import Database
from pipesql.execution.sqlite import SqliteConnection
from pipesql.execution.suite import Suite
from pipesql.golden.first_divergence import Finder, Place
from pipesql.golden.roundtrip import round_trip
from pipesql.pipe.printing.printer import print_operators
from pipesql.records import Question, Rejection


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INT);
            CREATE TABLE song (id INTEGER PRIMARY KEY, singer_id INT REFERENCES singer, title TEXT, sales REAL);
            """
        )
        countries = ["France", "Chile", "Japan", None]
        db.executemany(
            "INSERT INTO singer VALUES (?, ?, ?, ?)",
            [(i, f"singer {i % 50}", countries[i % 4], 20 + i % 30) for i in range(1, 81)],
        )
        db.executemany(
            "INSERT INTO song VALUES (?, ?, ?, ?)", [(i, i % 90 + 1, f"song {i}", i * 1.25) for i in range(1, 201)]
        )
        db.commit()
    with Suite(Database(path), copies=1) as opened:
        yield opened


JOINED = "SELECT a.name FROM singer AS a JOIN song AS b ON a.id = b.singer_id WHERE b.sales > 50 AND a.age < 40"
GROUPED = "SELECT country, COUNT(*) FROM singer WHERE age > 25 GROUP BY country HAVING COUNT(*) > 10"
EITHER = "SELECT name FROM singer WHERE age > 40 UNION SELECT title FROM song WHERE sales < 10 ORDER BY 1"

CASES = [
    # the table, the join, the filter
    ("SELECT id FROM singer WHERE id > 3", "FROM song |> WHERE id > 3 |> SELECT id", "mismatch:extra", 1, 0),
    (JOINED, "FROM singer |> JOIN song ON singer.id = song.id |> WHERE sales > 50 AND age < 40 |> SELECT name",
     "mismatch:missing", 2, 1),
    (JOINED, "FROM singer |> JOIN song ON singer.id = song.singer_id |> WHERE sales > 50 AND age <= 40 |> SELECT name",
     "mismatch:extra", 3, 2),
    (JOINED, "FROM singer |> JOIN song ON singer.id = song.singer_id |> WHERE sales > 50 AND age < 40 |> SELECT title",
     "mismatch:values", 4, 3),
    # groups: their keys, the condition on them, what is computed of them
    (GROUPED, "FROM singer |> WHERE age > 25 |> AGGREGATE COUNT(*) AS n GROUP BY age |> WHERE n > 10",
     "mismatch:missing", 3, 2),
    (GROUPED, "FROM singer |> WHERE age > 25 |> AGGREGATE COUNT(*) AS n GROUP BY country |> WHERE n > 17",
     "mismatch:missing", 4, 3),
    ("SELECT country, MAX(age) FROM singer GROUP BY country LIMIT 9",
     "FROM singer |> AGGREGATE MIN(age) AS n GROUP BY country |> LIMIT 9", "mismatch:values", 3, 1),
    # order, cut, duplicates, both sides of a set operation
    ("SELECT name FROM singer ORDER BY age, id", "FROM singer |> ORDER BY age DESC, id |> SELECT name",
     "mismatch:order", 2, 1),
    ("SELECT name FROM singer ORDER BY age, id LIMIT 3",
     "FROM singer |> ORDER BY age, id |> LIMIT 4 |> SELECT name", "mismatch:extra", 3, 2),
    ("SELECT DISTINCT country FROM singer ORDER BY country LIMIT 9",
     "FROM singer |> SELECT country |> ORDER BY country |> LIMIT 9", "mismatch:values", 4, 1),
    (EITHER, "FROM singer |> WHERE age > 41 |> SELECT name |> UNION DISTINCT (FROM song |> WHERE sales < 10 "
     "|> SELECT title) |> ORDER BY name", "mismatch:missing", 2, 1),
    (EITHER, "FROM singer |> WHERE age > 40 |> SELECT name |> UNION ALL (FROM song |> WHERE sales < 10 "
     "|> SELECT title) |> ORDER BY name", "mismatch:multiplicity", 4, 3),
    # what fails: in the reader, in the database
    ("SELECT name FROM singer", "FROM singer |> WHERE nothing > 1 |> SELECT name", "reread:lower", 2, 1),
    ("SELECT name FROM singer", "FROM singer |> WHERE |> SELECT name", "reread:parse", 2, 1),
    ("SELECT name FROM singer", "FROM singer |> EXTEND ABS(-9223372036854775807 - 1) AS x |> SELECT name, x",
     "error:limit", 2, 1),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "pipe", "reason", "operator", "agrees"), CASES)
def test_case(
    monkeypatch: pytest.MonkeyPatch,
    suite: Suite,
    gold: str,
    pipe: str,
    reason: str,
    operator: int,
    agrees: int,
) -> None:
    texts = _texts(pipe)
    monkeypatch.setattr("pipesql.golden.roundtrip.print_operators", lambda _query: texts)
    rejection = round_trip(Question("q", "music", suite.database.location, "?", gold, "b", "train"), suite)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.operator, rejection.agrees) == (reason, operator, agrees), rejection.detail
    assert rejection.pipe_sql == "\n".join(texts)


def _texts(pipe: str) -> list[str]:
    """The operators outside brackets, a line each."""
    texts, depth = [""], 0
    for word in pipe.split(" "):
        if word == "|>" and depth == 0:
            texts.append("")
        texts[-1] += (" " if texts[-1] else "") + word
        depth += word.count("(") - word.count(")")
    return texts


def test_no_prefix_of_a_right_query_is_blamed(tmp_path: Path) -> None:
    seen = 0
    for question in benchmarks.load("demo", str(tmp_path)):
        schema, last = Database(Path(question.database)).schema, 0
        operators = tuple(print_operators(decompile(question.gold_sql, schema)))
        assert sqlglot.parse_one(question.gold_sql, read="sqlite")
        with SqliteConnection(question.database) as database:
            found = Finder(operators, schema).differing(question.gold_sql, database.run)
        assert found.operator == len(operators), (question.gold_sql, operators, found)
        seen += found.agrees > last
    assert seen > 200, "most prefixes can be compared with the gold"


def test_a_query_without_cut_points_is_blamed_at_its_end(suite: Suite) -> None:
    finder = Finder(["FROM singer", "|> SELECT name"], suite.schema)
    assert finder.differing("SELECT name FROM (SELECT * FROM singer)", suite.real.run) == Place(2, 0)
    assert finder.differing("SELECT (", suite.real.run) == Place(2, 0)
