"""All rules on one database: where they agree, and where only one of them sees what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipesql.errors import BadInput, ExecutionError
from pipesql.evaluate.judge import SHOWN_ROWS, judge_all
from pipesql.execution.connection import QueryLimits
from pipesql.records import Prediction, Verdict
from pipesql.storage import read_jsonl, write_jsonl

NAMES = "SELECT name FROM singer WHERE age > 30"
ALL_NAMES = "SELECT name FROM singer"

CASES = {
    "right": ("FROM singer\n|> WHERE age > 30\n|> SELECT name", NAMES, True, True, True),
    "duplicates lost": ("FROM singer\n|> WHERE age > 30\n|> SELECT name\n|> DISTINCT", NAMES, False, False, True),
    "columns swapped": (
        "FROM singer\n|> WHERE age > 30\n|> SELECT age, name",
        "SELECT name, age FROM singer WHERE age > 30",
        False,
        True,
        False,
    ),
    "right here by luck; a copy has singers between": (
        "FROM singer\n|> WHERE age > 29\n|> SELECT name",
        NAMES,
        True,
        False,
        True,
    ),
    "wrong order": (
        "FROM singer\n|> ORDER BY age DESC\n|> SELECT name",
        "SELECT name FROM singer ORDER BY age",
        False,
        False,
        True,
    ),
    "right order, by a key that ties on the copies": (
        "FROM singer\n|> ORDER BY age\n|> SELECT name",
        "SELECT name FROM singer ORDER BY age",
        True,
        True,
        True,
    ),
    "does not run": ("FROM singer\n|> SELECT nam", NAMES, False, False, False),
    "runs too long": (
        "FROM number AS a\n|> CROSS JOIN number AS b\n|> CROSS JOIN number AS c\n|> AGGREGATE SUM(a.n * c.n) AS s",
        NAMES,
        False,
        False,
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_cases(prediction, case: str) -> None:
    pipe, gold, strict, spider, bird = CASES[case]
    golds = [gold, "SELECT name FROM singer WHERE age < 30"]  # what is planted: singers of 29 and of 30
    asked = prediction(pipe, gold)
    (judged,) = judge_all([asked], {asked.database: golds}, limits=QueryLimits(timeout_s=0.3))
    verdict = judged.verdict
    assert (verdict.correct, verdict.spider, verdict.bird) == (strict, spider, bird), verdict.detail
    assert verdict.soft_f1 is not None and (verdict.soft_f1 == 1) >= strict
    assert (judged.answer is None) == (verdict.cause not in ("", "rows"))


def test_a_page_gets_the_first_rows(prediction) -> None:
    (judged,) = judge_all([prediction("FROM number", "SELECT n FROM number")])
    assert (judged.gold.columns, judged.gold.count, len(judged.gold.rows)) == (("n",), 1000, SHOWN_ROWS)
    assert judged.answer == judged.gold


def test_the_verdict_says_where_the_answer_diverges(prediction) -> None:
    gold = ("FROM singer", "|> WHERE age > 30", "|> SELECT name")
    wrong = prediction("FROM singer\n|> WHERE age > 40\n|> SELECT name", gold_operators=gold)
    right = prediction("FROM singer\n|> WHERE 30 < age\n|> SELECT name", gold_operators=gold)
    first, second = (j.verdict for j in judge_all([wrong, right]))
    assert (first.diverges_at, first.diverges_in) == (2, "WHERE")
    assert (second.diverges_at, second.diverges_in) == (0, "")


def test_any_number_of_workers_gives_the_same(prediction, tmp_path, database) -> None:
    other = tmp_path / "other.sqlite"
    other.write_bytes(database.read_bytes())
    asked = [prediction(pipe, gold, id=f"q{i}") for i, (pipe, gold, *_) in enumerate(list(CASES.values())[:6])]
    asked += [replace(p, id=f"{p.id}-other", database=str(other)) for p in asked]
    alone, told = judge_all(asked, workers=1), []
    assert judge_all(asked, workers=2, on_judged=told.append) == alone
    assert [j.verdict.id for j in alone] == [p.id for p in asked] and sum(told) == len(asked)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_wrong_with_the_data_is_said(prediction, tmp_path, workers: int) -> None:
    (tmp_path / "none.sqlite").write_text("not a database, but long enough to be looked at" * 20)
    broken = replace(prediction("FROM singer"), database=str(tmp_path / "none.sqlite"))
    with pytest.raises(BadInput, match="not a SQLite database"):
        judge_all([prediction("FROM singer"), broken], workers=workers)
    with pytest.raises(ExecutionError, match="the gold of question q7 does not run"):
        judge_all([prediction("FROM singer", gold="SELECT nothing", id="q7")], workers=workers)


def test_verdicts_come_back_from_disk_as_they_were(prediction, tmp_path) -> None:
    verdicts = [j.verdict for j in judge_all([prediction("FROM singer", gold_operators=("FROM singer",))])]
    write_jsonl(tmp_path / "verdicts.jsonl", verdicts)
    assert list(read_jsonl(tmp_path / "verdicts.jsonl", Verdict)) == verdicts


def test_a_verdict_file_of_the_strict_rule_alone_can_still_be_read(tmp_path) -> None:
    (tmp_path / "old.jsonl").write_text(
        '{"id": "q1", "db_id": "music", "question": "?", "gold_sql": "SELECT 1", "pipe_sql": "SELECT 1", '
        '"lowered_sql": "SELECT 1", "valid": true, "correct": true, "cause": "", "detail": "", "hardness": "easy", '
        '"extra": {"stop": "done", "tokens": 3, "operators": 1}}\n'
    )
    (verdict,) = read_jsonl(tmp_path / "old.jsonl", Verdict)
    assert verdict.correct and verdict.spider is None and verdict.soft_f1 is None and verdict.diverges_at == 0


def test_files_of_version_0_1_are_read_under_the_new_names(tmp_path) -> None:
    (tmp_path / "verdicts.jsonl").write_text(
        '{"id": "q1", "db_id": "music", "question": "?", "gold_sql": "SELECT 1", "pipe_sql": "FROM a", '
        '"lowered_sql": "", "valid": true, "correct": false, "cause": "rows", "parts_at": 2, "parts_in": "WHERE", '
        '"extra": {"stop": "done", "score": -0.5, "share": 0.8, "switches": 1, "unsaid": 2}}\n'
    )
    (verdict,) = read_jsonl(tmp_path / "verdicts.jsonl", Verdict)
    assert (verdict.diverges_at, verdict.diverges_in) == (2, "WHERE")
    assert verdict.extra == {"stop": "done", "logprob": -0.5, "share": 0.8, "backtracks": 1, "missing_mentions": 2}
    (tmp_path / "predictions.jsonl").write_text(
        '{"id": "q1", "db_id": "music", "database": "a.sqlite", "question": "?", "gold_sql": "SELECT 1", '
        '"operators": ["FROM a"], "stop": "done", "score": -0.5, "switches": 1, "unsaid": ["b"]}\n'
    )
    (prediction,) = read_jsonl(tmp_path / "predictions.jsonl", Prediction)
    assert (prediction.logprob, prediction.backtracks, prediction.missing_mentions) == (-0.5, 1, ("b",))
