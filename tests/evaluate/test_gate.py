"""The gate on verdicts whose p-value is known."""

from __future__ import annotations

import pytest

from pipesql.errors import BadInput
from pipesql.evaluate.gate import decide
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
    assert (decision.gained, decision.lost, decision.questions) == (5, 0, 7)
    assert decision.p == 1 / 32
    assert decision.candidate_ex == 5 / 7 and decision.reference_ex == 0
    assert decision.sentence == (
        "promoted: the candidate is better than the base model: it answers 5 of 7 questions rightly against 0 of the "
        "base model (only it: 5, only the other: 0, p = 0.031), and no less valid"
    )


def test_four_gained_and_none_lost_is_not_enough() -> None:
    decision = decide(verdicts("rrrrw"), verdicts("xxxxw"), candidate_name="version 2", reference_name="version 1")
    assert not decision.promote
    assert decision.p == 1 / 16
    assert decision.sentence.startswith("not promoted: version 2 is not better beyond chance")
    assert "p < 0.05 is asked for" in decision.sentence


def test_alpha_moves_the_bar() -> None:
    assert decide(verdicts("rrrrw"), verdicts("xxxxw"), alpha=0.1).promote
    assert not decide(verdicts("rrrrrww"), verdicts("xxxxxww"), alpha=0.01).promote


def test_an_equal_model_is_not_promoted() -> None:
    decision = decide(verdicts("rrrr"), verdicts("rrrr"))
    assert not decision.promote and decision.p == 1.0


def test_better_but_less_valid_is_not_promoted() -> None:
    decision = decide(verdicts("rrrrrr" + "x" * 7), verdicts("wwwwww" + "w" * 7))
    assert not decision.promote and decision.p < 0.05
    assert "fewer valid answers, 6 of 13 against 13" in decision.sentence


def test_other_questions_are_refused() -> None:
    with pytest.raises(BadInput, match="not evaluated on the same questions, 3 are common"):
        decide(verdicts("rrrr"), verdicts("rrr"))
    with pytest.raises(BadInput, match="same questions"):
        decide([], [])


def test_the_order_of_the_questions_does_not_matter() -> None:
    candidate, reference = verdicts("rrrrrwx"), verdicts("xwxwxrw")
    assert decide(candidate, reference[::-1]) == decide(candidate, reference)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 5.0])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(BadInput, match="alpha"):
        decide(verdicts("r"), verdicts("r"), alpha=alpha)
