"""A verdict for every way in which an answer can be right or wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipesql.errors import BadInput, ExecutionError
from pipesql.evaluate.judge import CAUSES, judge_strictly
from pipesql.execution.connection import QueryLimits
from pipesql.storage import file_digest

CASES = {
    "right": ("FROM singer\n|> WHERE age > 30\n|> SELECT name", "", ""),
    "right, other order": ("FROM singer\n|> WHERE age > 30\n|> ORDER BY age DESC\n|> SELECT name", "", ""),
    "a row too few": ("FROM singer\n|> WHERE age > 31\n|> SELECT name", "rows", ""),
    "duplicates lost": ("FROM singer\n|> WHERE age > 30\n|> SELECT name\n|> DISTINCT", "rows", ""),
    "a column too many": ("FROM singer\n|> WHERE age > 30\n|> SELECT name, age", "rows", ""),
    "prose": ("Sure, here is the query you asked for:", "syntax", "starts with FROM"),
    "standard SQL": ("SELECT name FROM singer WHERE age > 30", "syntax", ""),
    "a write": ("DROP TABLE singer", "syntax", ""),
    "a write behind a query": ("FROM singer\n|> SELECT name; DELETE FROM singer", "syntax", ""),
    "an insert as operator": ("FROM singer\n|> INSERT INTO singer", "unsupported", "INSERT"),
    "no such table": ("FROM singr\n|> SELECT name", "name", "singer"),
    "no such column": ("FROM singer\n|> WHERE agee > 30", "name", "age"),
    "a column that is gone": ("FROM singer\n|> SELECT name\n|> WHERE age > 30", "name", ""),
    "a construct without lowering": ("FROM singer\n|> CALL tvf()", "unsupported", "CALL"),
    "code from a library": ("FROM singer\n|> SELECT load_extension('x') AS name", "execution", "refused"),
    "no such function": ("FROM singer\n|> SELECT frobnicate(name) AS name", "execution", ""),
    "runs for ever": (
        "FROM number AS a\n|> CROSS JOIN number AS b\n|> CROSS JOIN number AS c\n|> AGGREGATE SUM(a.n * c.n) AS s",
        "timeout",
        "0.2 s",
    ),
    "too many rows": ("FROM number AS a\n|> CROSS JOIN number AS b", "execution", "more than 5000 rows"),
}


@pytest.mark.parametrize("case", CASES)
def test_causes(prediction, case: str) -> None:
    pipe, cause, detail = CASES[case]
    (verdict,) = judge_strictly([prediction(pipe)], limits=QueryLimits(timeout_s=0.2, max_rows=5000))
    assert (verdict.cause, verdict.correct) == (cause, not cause), verdict.detail
    assert verdict.valid == (cause in ("", "rows"))
    assert detail in verdict.detail
    assert bool(verdict.detail) == bool(cause), "a wrong answer says why, a right one needs no word"
    assert verdict.pipe_sql == pipe


def test_every_cause_is_known() -> None:
    assert {cause for _, cause, _ in CASES.values()} <= {"", *CAUSES}


def test_an_answer_that_did_not_end_is_no_answer(prediction) -> None:
    right_so_far = CASES["right"][0]
    (verdict,) = judge_strictly([prediction(right_so_far, stop="length", detail="operator 4 is longer than 96 tokens")])
    assert (verdict.cause, verdict.valid, verdict.correct) == ("length", False, False)
    assert verdict.detail == "operator 4 is longer than 96 tokens"


def test_order_counts_where_the_gold_orders(prediction) -> None:
    gold = "SELECT name FROM singer ORDER BY age"
    right, wrong = judge_strictly(
        [prediction(f"FROM singer\n|> ORDER BY age{way}\n|> SELECT name", gold=gold) for way in ("", " DESC")]
    )
    assert right.correct
    assert (wrong.cause, wrong.valid) == ("rows", True)


def test_verdicts_carry_what_reports_need(prediction) -> None:
    seen = []
    verdicts = judge_strictly([prediction(CASES["right"][0], hardness="easy", tokens=17)], on_verdict=seen.append)
    assert seen == verdicts
    assert verdicts[0].hardness == "easy"
    decoded = {
        "stop": "done",
        "tokens": 17,
        "operators": 3,
        "logprob": 0.0,
        "share": 1.0,
        "backtracks": 0,
        "missing_mentions": 0,
    }
    assert verdicts[0].extra == decoded
    assert "SELECT" in verdicts[0].lowered_sql


def test_nothing_is_ever_written(prediction, database) -> None:
    before = file_digest(database), sorted(p.name for p in database.parent.iterdir())
    judge_strictly([prediction(pipe) for pipe, _, _ in CASES.values()], limits=QueryLimits(timeout_s=0.05))
    assert (file_digest(database), sorted(p.name for p in database.parent.iterdir())) == before


def test_a_gold_that_does_not_run_names_its_question(prediction) -> None:
    with pytest.raises(ExecutionError, match=r"gold of question q7 does not run on .*music\.sqlite"):
        judge_strictly([prediction("FROM singer", gold="SELECT nothing FROM nowhere", id="q7")])


def test_a_missing_database_is_bad_input(prediction) -> None:
    from dataclasses import replace

    with pytest.raises(BadInput, match="does not exist"):
        judge_strictly([replace(prediction("FROM singer"), database="/nowhere/at/all.sqlite")])


def test_an_answer_is_judged_in_the_dialect_of_its_database(prediction, tmp_path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "music.duckdb")) as connection:
        connection.execute("CREATE TABLE singer (name VARCHAR, age INTEGER); INSERT INTO singer VALUES ('Ann', 31)")
    gold = "FROM singer SELECT age / 2"  # 15.5 in DuckDB, 15 in SQLite
    right, wrong = judge_strictly(
        [
            replace(prediction(f"FROM singer\n|> SELECT {half}", gold=gold), database=str(tmp_path / "music.duckdb"))
            for half in ("age / 2 AS half", "DIV(age, 2) AS half")
        ]
    )
    assert right.correct
    assert wrong.cause == "rows"
