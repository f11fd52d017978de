"""The figures and their layout, from verdicts known by heart."""

from __future__ import annotations

import pytest

from pipesql.evaluate.breakdown import summarise
from pipesql.evaluate.judge import Judged, Table
from pipesql.evaluate.report.evaluation import Evaluation, comparison_rows
from pipesql.evaluate.statistics import pairings
from pipesql.records import Verdict


def verdict(number: int, cause: str, hardness: str) -> Verdict:
    return Verdict(
        id=f"q{number}",
        db_id="music",
        question="?",
        gold_sql="SELECT 1",
        pipe_sql="FROM t",
        lowered_sql="",
        valid=cause in ("", "rows"),
        correct=not cause,
        cause=cause,
        detail=cause and f"because of {cause}",
        hardness=hardness,
    )


HARDNESS = ["easy", "easy", "hard", "medium"]
BASE = [
    verdict(i, cause, h) for i, (cause, h) in enumerate(zip(["syntax", "", "name", "syntax"], HARDNESS, strict=True))
]
TUNED = [verdict(i, cause, h) for i, (cause, h) in enumerate(zip(["", "", "rows", ""], HARDNESS, strict=True))]


def test_summary() -> None:
    summary = summarise(TUNED)
    assert (summary.ex.value, summary.valid.value) == (0.75, 1.0)
    assert {name: (s.right, s.n) for name, s in summary.by_hardness.items()} == {
        "easy": (2, 2),
        "medium": (1, 1),
        "hard": (0, 1),
    }
    assert list(summary.by_hardness) == ["easy", "medium", "hard"]
    assert summary.causes["rows"] == 1 and sum(summary.causes.values()) == 1


def test_metrics_are_names_that_mlflow_takes() -> None:
    metrics = summarise(BASE).metrics("base")
    assert metrics["base/ex"] == 0.25 and metrics["base/valid"] == 0.25 and metrics["base/n"] == 4
    assert 0 < metrics["base/ex_low"] < 0.25 < metrics["base/ex_high"] < 1
    assert metrics["base/ex_easy"] == 0.5 and metrics["base/cause_syntax"] == 2
    assert not any(set(name) & set("@%()") for name in metrics)


def test_paired_metrics() -> None:
    assert pairings(BASE, TUNED)["strict"].metrics() == {"paired/gained": 2, "paired/lost": 0, "paired/p": 0.5}


def test_text_stands_side_by_side() -> None:
    empty = Table((), (), 0)
    models = {name: [Judged(v, empty) for v in verdicts] for name, verdicts in (("base", BASE), ("tuned", TUNED))}
    text = Evaluation("Title", models).text()
    assert [line.split() for line in text.splitlines()[:2]] == [["base", "tuned"], ["questions", "4", "4"]]
    assert "execution accuracy 25.0% [4.6%, 69.9%] 75.0% [30.1%, 95.4%]" in " ".join(text.split())
    assert "only tuned right: 2, only base right: 0" in text


def test_rows_hold_both_answers() -> None:
    rows = comparison_rows({"base": BASE, "tuned": TUNED})
    assert [row["id"] for row in rows] == ["q0", "q1", "q2", "q3"]
    assert (rows[2]["base_cause"], rows[2]["tuned_cause"]) == ("name", "rows")
    assert rows[2]["tuned_detail"] == "because of rows"


def test_no_questions() -> None:
    assert summarise([]).ex.value == pytest.approx(0.0)
