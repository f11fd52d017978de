"""Rewards on a real database: each is in [0, 1] and what it says it is, and no answer can hurt the one who judges."""

from __future__ import annotations

import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat.template import markers, operator_ids
from pipesql.errors import BadInput, ExecutionError, QueryTimeout
from pipesql.execution.connection import QueryLimits, RememberingConnection
from pipesql.execution.database import Database
from pipesql.finetune.grpo.rewards import REWARDS, result_f1, schema_adherence
from pipesql.finetune.grpo.rewards.answers import execution, structure
from pipesql.finetune.grpo.rewards.functions import LATEST, Rewards
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.records import GoldenPair
from pipesql.storage import file_digest
from tests.support.pairs import golden_pair

GOLD = "FROM singer\n|> WHERE age > 30\n|> SELECT name"
FOR_EVER = "FROM number AS a\n|> CROSS JOIN number AS b\n|> CROSS JOIN number AS c\n|> AGGREGATE SUM(a.n * c.n) AS s"
MILLIONS = "FROM number AS a\n|> CROSS JOIN number AS b"
GARBAGE = ("", " \n", "Sure, here it is:", "SELECT name FROM singer", "|> WHERE", "FROM", "FROM singer\n|> SELECT (((",
           "FROM singer; DROP TABLE singer", "\x00", "💥" * 50, "FROM singer |> " * 400, "(" * 3000)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("db") / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER, country TEXT);
            INSERT INTO singer VALUES
                (1, 'Ann', 31, 'FR'), (2, 'Bob', 25, NULL), (3, 'Cem', 47, NULL), (4, 'Ann', 52, 'UK');
            CREATE TABLE concert (concert_id INTEGER PRIMARY KEY, singer_id INTEGER REFERENCES singer, year INTEGER);
            INSERT INTO concert VALUES (1, 1, 2020), (2, 1, 2021), (3, 3, 2021);
            CREATE TABLE number (n INTEGER);
            WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1500)
            INSERT INTO number SELECT n FROM r;
            """
        )
    connection.close()
    return path


@pytest.fixture
def database(path):
    with Database(path).open(QueryLimits(timeout_s=0.3, max_rows=1000)) as opened:
        yield opened


@pytest.fixture(scope="module")
def pair(path) -> GoldenPair:
    return golden_pair(
        database=str(path),
        question="Who is over 30?",
        gold_sql="SELECT name FROM singer WHERE age > 30",
        operators=tuple(GOLD.split("\n")),
        rows=3,
    )


def test_the_gold_itself_is_worth_everything(pair, database) -> None:
    assert {name: reward(GOLD, pair, database) for name, reward in REWARDS.items()} == dict.fromkeys(REWARDS, 1.0)


@pytest.mark.parametrize("text", GARBAGE, ids=repr)
def test_garbage_is_worth_nothing(pair, database, text) -> None:
    assert {name: reward(text, pair, database) for name, reward in REWARDS.items()} == dict.fromkeys(REWARDS, 0.0)


def test_any_mixture_of_words_gives_numbers_between_0_and_1(pair, database) -> None:
    draw = random.Random(3)
    words = f"{GOLD} JOIN concert USING ( ) , . 'x ` DROP AS t AGGREGATE COUNT(*) GROUP BY year ORDER LIMIT 1".split()
    for _ in range(300):
        text = "FROM singer " + " ".join(draw.choices(words, k=draw.randint(1, 12)))
        rewards = {name: reward(text, pair, database) for name, reward in REWARDS.items()}
        assert all(0 <= value <= 1 for value in rewards.values()), text
        assert rewards["result_f1"] == 0 or rewards["execution"] == 1, text
        assert rewards["execution"] == 0 or rewards["schema"] == 1, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM concert", 1),
        ("FROM singr", 0),
        ("FROM singer\n|> SELECT nme", 0),
        ("FROM singer\n|> SELECT frobnicate(name) AS x", 0),
        ("FROM singer\n|> SELECT load_extension('x') AS x", 0),
        ("FROM singer\n|> INSERT INTO singer", 0),
    ],
)
def test_execution_is_whether_it_runs(pair, database, text, expected) -> None:
    assert execution(text, pair, database) == expected


@pytest.mark.parametrize("text", [FOR_EVER, MILLIONS])
def test_what_never_ends_or_floods_is_stopped_and_worth_no_execution(pair, database, text) -> None:
    began = time.monotonic()
    assert (execution(text, pair, database), result_f1(text, pair, database)) == (0, 0)
    assert time.monotonic() - began < 3
    assert schema_adherence(text, pair, database) == 1, "its names exist, whatever it costs"


def test_nothing_is_ever_written(pair, database, path) -> None:
    before = file_digest(path)
    for text in (*GARBAGE, "FROM singer\n|> INSERT INTO singer", "FROM singer\n|> CREATE TABLE x"):
        for reward in REWARDS.values():
            reward(text, pair, database)
    assert file_digest(path) == before


def test_result_f1_compares_with_the_golds_rows(pair, database) -> None:
    assert result_f1("FROM singer\n|> ORDER BY age DESC\n|> WHERE age > 30\n|> SELECT name AS n", pair, database) == 1
    assert result_f1("FROM singer\n|> WHERE age > 40\n|> SELECT name", pair, database) == pytest.approx(4 / 5)
    assert result_f1(f"{GOLD}\n|> DISTINCT", pair, database) == pytest.approx(4 / 5)
    assert result_f1("FROM singer\n|> WHERE age > 99\n|> SELECT name", pair, database) == 0
    nulls = replace(pair, gold_sql="SELECT country FROM singer")
    assert result_f1("FROM singer\n|> SELECT country", nulls, database) == 1
    assert result_f1("FROM singer\n|> WHERE country IS NULL\n|> SELECT country", nulls, database) == pytest.approx(
        4 / 6
    )


def test_a_gold_that_does_not_run_is_the_datas_fault(pair, database) -> None:
    with pytest.raises(ExecutionError, match="the gold of q1 does not run"):
        result_f1(GOLD, replace(pair, gold_sql="SELECT nothing FROM nowhere"), database)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM singer\n|> SELECT name, ages", 2 / 3),
        ("FROM singr\n|> SELECT name", 0),
        ("FROM singer\n|> WHERE singer.age > 1 AND singer.agee > 1", 2 / 3),
        ("FROM singer AS s\n|> WHERE s.age > 1 AND t.age > 1", 2 / 3),
        ("FROM singer\n|> JOIN concert USING (singer_id, singr_id)", 3 / 4),
        ("FROM singer\n|> JOIN concert ON singer.singer_id = concert.singer_id\n|> WHERE singer.year > 1", 4 / 5),
        ("FROM singer\n|> AGGREGATE COUNT(*) AS count GROUP BY country\n|> WHERE count > 1", 1),
        ("FROM singer\n|> AGGREGATE COUNT(*) AS count GROUP BY country\n|> WHERE age > 1", 2 / 3),  # gone by then
        ("FROM singer\n|> WHERE n > 1\n|> EXTEND age AS n", 2 / 3),  # made later
        ("FROM singer\n|> JOIN concert ON TRUE\n|> SELECT singer_id", 2 / 3),  # ambiguous
        ("FROM singer\n|> WHERE singer_id IN (FROM concert |> WHERE yeer = 1 |> SELECT singer_id)", 3 / 4),
        ("WITH old AS (FROM singer |> WHERE age > 30) FROM old\n|> SELECT name, agee", 4 / 5),
        ("FROM singer\n|> DROP nme", 1 / 2),
        ("FROM singer\n|> RENAME name AS n\n|> SELECT n, nam", 3 / 4),
        ("FROM singer\n|> SET age = age + 1, agee = 2", 2 / 3),
        ("FROM singer\n|> SELECT frobnicate(name) AS x", 1),  # a function is no name of the schema
        ("SELECT 1 AS x", 0),  # names nothing
    ],
)
def test_schema_adherence_is_the_share_of_names_that_exist(pair, database, text, expected) -> None:
    assert schema_adherence(text, pair, database) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM concert\n|> WHERE year = 1\n|> SELECT year", 1),  # kinds alone
        ("FROM singer", 2 * 1 / (1 + 3)),
        ("FROM singer\n|> SELECT name\n|> WHERE age > 30", 2 * 2 / (3 + 3)),  # order counts
        (f"{GOLD}\n|> LIMIT 1", 2 * 3 / (4 + 3)),
        ("FROM singer\n|> JOIN concert USING (singer_id)\n|> WHERE age > 30\n|> SELECT name", 2 * 3 / (4 + 3)),
    ],
)
def test_structure_is_the_f1_of_the_longest_common_subsequence(pair, database, text, expected) -> None:
    assert structure(text, pair, database) == pytest.approx(expected)


def test_a_left_join_is_not_a_join(pair, database) -> None:
    left = replace(pair, operators=("FROM singer", "|> LEFT JOIN concert USING (singer_id)"))
    assert structure("FROM singer\n|> JOIN concert USING (singer_id)", left, database) == 0.5


class Counted:
    """A database that counts what it is really asked."""

    dialect = "sqlite"

    def __init__(self, database) -> None:
        self.asked, self._database = [], database

    def run(self, sql):
        self.asked.append(sql)
        return self._database.run(sql)


def test_a_statement_is_executed_once_also_one_that_never_ends(pair, database) -> None:
    counted = Counted(database)
    remembered = RememberingConnection(counted, LATEST)
    for _ in range(3):
        for text in (GOLD, FOR_EVER):
            for reward in REWARDS.values():
                reward(text, pair, remembered)
    assert len(counted.asked) == 2  # the answer, which lowers to the gold itself, and the endless one
    with pytest.raises(QueryTimeout):
        remembered.run(counted.asked[-1])


def test_only_the_latest_answers_are_remembered_and_the_gold_for_good(database) -> None:
    counted = Counted(database)
    remembered = RememberingConnection(counted, LATEST)
    gold = remembered.keep("SELECT 'gold'")
    for number in range(LATEST + 1):
        remembered.run(f"SELECT {number}")
    assert remembered.run("SELECT 'gold'") is gold
    remembered.run(f"SELECT {LATEST}")
    assert len(counted.asked) == LATEST + 2
    remembered.run("SELECT 0")
    assert len(counted.asked) == LATEST + 3


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(resolve_model("tiny"))


def written(tokenizer, text: str, ends: bool = True) -> list[int]:
    """The tokens of an answer as a trained model writes it."""
    ids: list[int] = []
    for number, line in enumerate(text.split("\n")):
        ids += [*([markers(tokenizer).step] if number else []), *operator_ids(tokenizer, line, first=not number)]
    return [*ids, markers(tokenizer).end] if ends else ids


def test_rewards_read_tokens_as_decoding_does(pair, tokenizer) -> None:
    with Rewards(tokenizer, QueryLimits(timeout_s=0.3, max_rows=1000)) as rewards:
        assert rewards.add(pair) == 3
        answers = [written(tokenizer, GOLD), written(tokenizer, GOLD, ends=False), written(tokenizer, "FROM concert")]
        called = {
            f.__name__: f(prompts=[], completions=[], completion_ids=answers, id=["q1"] * 3)
            for f in rewards.functions()
        }
    assert list(called) == list(REWARDS)
    assert called["execution"] == [1, 0, 1], "an answer that does not end is no answer"
    assert called["result_f1"] == [1, 0, 0]
    assert called["structure"] == [1, 0, 0.5]
    assert [(a.id, a.text, a.stop) for a in rewards.latest[:2]] == [("q1", GOLD, "done"), ("q1", GOLD, "length")]


def test_rewards_say_which_gold_does_not_fit_the_limits(pair, tokenizer, tmp_path) -> None:
    with Rewards(tokenizer, QueryLimits(timeout_s=0.3, max_rows=1000)) as rewards:
        with pytest.raises(ExecutionError, match="more than 1000 rows"):
            rewards.add(replace(pair, gold_sql="SELECT n FROM number"))
        with pytest.raises(BadInput, match="does not exist"):
            rewards.add(replace(pair, database=str(tmp_path / "gone.sqlite")))
