"""What each rule proposes and what it leaves alone, and that only what is proved becomes a pair."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipesql import golden
from pipesql.augment import Grown, grow
from pipesql.augment.grow import Proposal, propose
from pipesql.augment.wording import plural, readable, renamed, revalued
from pipesql.errors import BadInput
from pipesql.execution.compare import compare
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Question

TABLES = """
CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, stage_name TEXT, country TEXT, age INTEGER, songs INTEGER);
CREATE TABLE dancer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, style TEXT);
CREATE TABLE concert (id INTEGER PRIMARY KEY, singer_id INTEGER REFERENCES singer(id), year INTEGER);
INSERT INTO singer VALUES (1, 'Ann', 'A', 'France', 30, 3), (2, 'Bob', 'B', 'Spain', 41, 5);
INSERT INTO singer VALUES (3, 'Cem', 'C', 'France', 50, 8);
INSERT INTO dancer VALUES (1, 'Dan', 'Italy', 'tango'), (2, 'Eve', 'Spain', 'salsa');
INSERT INTO concert VALUES (1, 1, 2014), (2, 2, 2015), (3, 3, 2015);
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("augment") / "music.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
    return str(path)


def question(database: str, text: str, sql: str, split: str = "train") -> Question:
    return Question(f"{split}-{text}", "music", database, text, sql, "test", split)


def proposals(database: str, *asked: tuple[str, str], per_pair: int = 99) -> list[Proposal]:
    build = golden.build([question(database, *each) for each in asked])
    assert not build.rejections
    return list(propose(build.pairs, per_pair, seed=0))


def proposed(database: str, *asked: tuple[str, str]) -> set[tuple[str, str, str]]:
    return {(p.rule, p.question.question, p.question.gold_sql) for p in proposals(database, *asked)}


def test_another_value(database: str) -> None:
    assert proposed(database, ("Who comes from France?", 'SELECT name FROM singer WHERE country = "France"')) == {
        ("value", "Who comes from Spain?", "SELECT name FROM singer WHERE country = 'Spain'")
    }
    assert proposed(database, ("Who is older than 40?", "SELECT s.name FROM singer AS s WHERE s.age > 40")) == {
        ("value", f"Who is older than {age}?", f"SELECT s.name FROM singer AS s WHERE s.age > {age}")
        for age in (30, 41, 50)
    }


def test_another_column(database: str) -> None:
    found = proposed(
        database,
        ("What is the average age of singers from Spain?", "SELECT AVG(age) FROM singer WHERE country = 'Spain'"),
    )
    assert (
        "column",
        "What is the average songs of singers from Spain?",
        "SELECT AVG(songs) FROM singer WHERE country = 'Spain'",
    ) in found
    found = proposed(
        database,
        (
            "How old are the singers in each country on average?",
            "SELECT country, AVG(age) FROM singer GROUP BY country",
        ),
    )
    assert (
        "column",
        "How old are the singers in each stage name on average?",
        "SELECT stage_name, AVG(age) FROM singer GROUP BY stage_name",
    ) in found


def test_another_table(database: str) -> None:
    assert ("table", "What are the names of all dancers?", "SELECT name FROM dancer") in proposed(
        database, ("What are the names of all singers?", "SELECT name FROM singer")
    )
    assert {"How many dancers are there?", "How many concerts are there?"} == {
        text for _, text, _ in proposed(database, ("How many singers are there?", "SELECT COUNT(*) FROM singer"))
    }


def test_a_filter_in_an_aggregation(database: str) -> None:
    found = proposals(
        database,
        ("How many singers are there?", "SELECT COUNT(*) FROM singer"),
        ("Show the ages of singers whose country is France.", "SELECT age FROM singer WHERE country = 'France'"),
    )
    (made,) = [p for p in found if p.rule == "composition"]
    assert made.question.question == "How many singers whose country is France are there?"
    assert made.question.gold_sql == "SELECT COUNT(*) FROM singer WHERE country = 'France'"
    assert made.parents == (
        "train-How many singers are there?",
        "train-Show the ages of singers whose country is France.",
    )


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("Who is French?", "SELECT name FROM singer WHERE country = 'France'"),
        ("Is France the country of Ann of France?", "SELECT name FROM singer WHERE country = 'France'"),
        ("Who lives in France-Comté?", "SELECT name FROM singer WHERE country = 'France'"),
        ("Who is 30 or has sung 30 songs?", "SELECT name FROM singer WHERE age = 30 OR songs = 30"),
        ("What is the age of the youngest?", "SELECT age FROM singer ORDER BY age LIMIT 1"),
        ("What is the stage name of each?", "SELECT name FROM singer"),
        ("What is the first name of all?", "SELECT name FROM singer"),
        ("Give the name tag of all.", "SELECT name FROM singer"),
        (
            "Which country has the most singers?",
            "SELECT country FROM singer GROUP BY country ORDER BY COUNT(*) DESC LIMIT 1",
        ),
        (
            "Show all countries and how many sing in each country.",
            "SELECT country, COUNT(*) FROM singer GROUP BY country",
        ),
        ("How many songs have the singers?", "SELECT SUM(songs) FROM singer"),
    ],
)
def test_where_the_question_does_not_name_it_plainly_nothing_is_proposed(database: str, text: str, sql: str) -> None:
    assert proposed(database, (text, sql)) == set()


def test_words() -> None:
    assert [readable(name) for name in ("song_name", "SongName", "FlightNo", "IDs2", "HTTPServer")] == [
        "song name", "song name", "flight no", "i ds 2", "http server",
    ]  # fmt: skip
    assert [plural(word) for word in ("singer", "city", "bus", "")] == ["singers", None, None, None]
    assert renamed("Show the name of all.", "name", "age") == "Show the age of all."
    assert revalued("Is it an Apple?", "Apple", "Pear") is None
    assert revalued("Is it an Apple?", "Apple", "Orange") == "Is it an Orange?"
    assert revalued("Was it 3.5 or 3?", "3", "4") == "Was it 3.5 or 4?"


ASKED = (
    ("Who comes from France?", "SELECT name FROM singer WHERE country = 'France'"),
    ("Who is older than 40?", "SELECT name FROM singer WHERE age > 40"),
    ("How many singers are there?", "SELECT COUNT(*) FROM singer"),
    ("Show the ages of singers whose country is France.", "SELECT age FROM singer WHERE country = 'France'"),
    ("Which concerts took place in 2014?", "SELECT id FROM concert WHERE year = 2014"),
)


def grown(database: str, per_pair: int, seed: int = 0) -> tuple[list[GoldenPair], Grown]:
    asked = [question(database, *each) for each in ASKED]
    pairs = golden.build([*asked, question(database, "Who comes from Spain?", "SELECT name FROM dancer", "dev")]).pairs
    return pairs, grow(pairs, per_pair, seed, golden.build)


def test_what_is_proved_becomes_a_pair_with_its_parents(database: str) -> None:
    pairs, found = grown(database, 2)
    originals = {p.id: p for p in pairs if p.split == "train"}
    assert found.pairs
    for pair in found.pairs:
        assert pair.parents and originals.keys() >= set(pair.parents)
        assert (pair.split, pair.db_id, pair.database) == ("train", "music", database)
        assert pair.id.startswith(f"{pair.parents[0]}~")
        assert pair.rows and pair.proofs == 2
        with Database(database).open() as opened:
            gold, lowered = opened.run(pair.gold_sql), opened.run(pair.lowered_sql)
            assert compare(pair.gold_sql, gold, lowered, opened.run) is None
    texts = [p.question for p in [*pairs, *found.pairs]]
    assert len(texts) == len(set(texts)), "nothing is asked twice"
    assert "Who comes from Spain?" not in {p.question for p in found.pairs}, "dev asks it"
    assert max(sum(p.parents[0] == parent for p in found.pairs) for parent in originals) <= 2
    assert sum(found.proposed.values()) == len(found.pairs) + sum(found.lost.values())
    assert found.golden.keys() <= found.proposed.keys()


def test_what_finds_nothing_is_left_out_and_counted(database: str) -> None:
    _, found = grown(database, 99)
    assert found.lost == {"empty": 1}, "nobody is older than 50"
    assert found.manifest()["augmentation"]["lost"] == {"empty": 1}


def test_the_seed_decides_and_none_is_the_default(database: str) -> None:
    assert grown(database, 1)[1] == grown(database, 1)[1]
    assert len({tuple(p.question for p in grown(database, 1, seed)[1].pairs) for seed in range(5)}) > 1
    nothing = grown(database, 0)[1]
    assert (nothing, nothing.manifest(), nothing.notes(), nothing.metrics()) == (Grown(), {}, [], {})
    with pytest.raises(BadInput, match="augment is -1"):
        grown(database, -1)


def test_a_duckdb_file_is_asked_in_its_own_dialect(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "music.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
    build = golden.build(
        [question(str(path), "Who comes from France?", "FROM singer SELECT name WHERE country = 'France'")]
    )
    (pair,) = grow(build.pairs, 1, 0, golden.build).pairs
    assert (pair.question, pair.rows) == ("Who comes from Spain?", 1)
