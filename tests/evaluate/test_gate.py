"""The gate on verdicts whose p-value is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipesql.errors import BadInput
from pipesql.evaluate.gate import Comparison, Decision, decide, keep
from pipesql.records import Verdict


def verdicts(marks: str) -> list[Verdict]:
    """One verdict a letter: r right, w wrong rows (valid), x invalid."""
    return [
        Verdict(
            id=str(i),
            db_id="demo",
            question=f"question {i}",
            gold_sql="SELECT 1",
            pipe_sql="SELECT 1",
            lowered_sql="SELECT 1",
            valid=mark in "rw",
            correct=mark == "r",
            cause={"r": "", "w": "rows", "x": "syntax"}[mark],
        )
        for i, mark in enumerate(marks)
    ]


def test_five_gained_and_none_lost_is_promoted() -> None:
    decision = decide(verdicts("rrrrrww"), verdicts("xxxxxww"))
    assert decision.promote
    assert decision.comparison == Comparison(7, 5 / 7, 0.0, 1.0, 2 / 7, gained=5, lost=0, p=1 / 32)
    assert decision.metrics()["promote/p"] == 1 / 32 and decision.metrics()["promote/promoted"] == 1
    assert decision.sentence == (
        "promoted: the candidate is better than the base model: 5 of 7 questions right against 0 "
        "(only the new one right: 5, only the other: 0, p = 0.031), and no less valid"
    )


def test_four_gained_and_none_lost_is_not_enough() -> None:
    decision = decide(verdicts("rrrrw"), verdicts("xxxxw"), candidate_name="version 2", reference_name="version 1")
    assert not decision.promote
    assert decision.comparison.p == 1 / 16
    assert decision.sentence.startswith("not promoted: version 2 is not better than version 1 beyond chance")
    assert "p < 0.05 is required" in decision.sentence


def test_alpha_moves_the_bar() -> None:
    assert decide(verdicts("rrrrw"), verdicts("xxxxw"), alpha=0.1).promote
    assert not decide(verdicts("rrrrrww"), verdicts("xxxxxww"), alpha=0.01).promote


def test_an_equal_model_is_not_promoted() -> None:
    decision = decide(verdicts("rrrr"), verdicts("rrrr"))
    assert not decision.promote and decision.comparison.p == 1.0


def test_better_but_less_valid_is_not_promoted() -> None:
    decision = decide(verdicts("rrrrrr" + "x" * 7), verdicts("wwwwww" + "w" * 7))
    assert not decision.promote and decision.comparison.p < 0.05
    assert "fewer valid answers than the base model: 6 of 13 against 13" in decision.sentence


def test_other_questions_prove_nothing() -> None:
    other_gold = [replace(v, gold_sql="SELECT 2") for v in verdicts("xxxxx")]
    for reference in (verdicts("xxxx"), other_gold, []):
        decision = decide(verdicts("rrrrr"), reference)
        assert not decision.promote and decision.comparison is None
        assert "were not evaluated on the same questions" in decision.sentence
    assert not decide([], []).promote


def test_nothing_to_compare() -> None:
    assert keep("it is tired", 0.05) == Decision(False, "not promoted: it is tired", 0.05)
    assert keep("it is tired", 0.05).metrics() == {"promote/promoted": 0.0}


def test_the_order_of_the_questions_does_not_matter() -> None:
    candidate, reference = verdicts("rrrrrwx"), verdicts("xwxwxrw")
    assert decide(candidate, reference[::-1]) == decide(candidate, reference)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 5.0])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(BadInput, match="alpha"):
        decide(verdicts("r"), verdicts("r"), alpha=alpha)
