"""Which of several answers wins, and how a model is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from pipesql.decoding.types import Decoded
from pipesql.errors import BadInput
from pipesql.inference.config import DecodingConfig
from pipesql.inference.vote import vote

ROWS = {"a": (1,), "b": (1,), "c": (2,), "d": None}


def rows_of(operators: Sequence[str]) -> tuple[int, ...] | None:
    return ROWS[operators[0]]


def said(text: str, probability: float, stop: str = "done") -> Decoded:
    return Decoded((text,), stop, logprob=math.log(probability))


def test_texts_with_the_same_rows_add_up() -> None:
    best, share = vote([said("c", 0.4), said("a", 0.3), said("b", 0.25)], rows_of)
    assert best.operators == ("a",)
    assert share == pytest.approx(0.55 / 0.95)


def test_a_text_drawn_twice_counts_once() -> None:
    best, share = vote([said("c", 0.4), said("a", 0.3), said("a", 0.3)], rows_of)
    assert best.operators == ("c",) and share == pytest.approx(0.4 / 0.7)


def test_what_does_not_run_has_no_vote() -> None:
    best, share = vote([said("d", 0.9), said("a", 0.01), said("c", 0.5, stop="invalid")], rows_of)
    assert best.operators == ("a",) and share == 1
    first, none = vote([said("d", 0.9), said("c", 0.5, stop="length")], rows_of)
    assert first.operators == ("d",) and none == 0


def test_what_speaks_against_a_text_is_taken_off() -> None:
    answers = [said("c", 0.5), said("a", 0.2), said("b", 0.2)]
    best, share = vote(answers, rows_of, lambda operators: 1.0 if operators[0] in "ca" else 0.0)
    assert best.operators == ("b",), "of texts with the same rows the one that nothing speaks against"
    assert share == pytest.approx((0.2 / math.e + 0.2) / (0.7 / math.e + 0.2))


def test_no_weight_underflows() -> None:
    answers = [Decoded(("a",), "done", logprob=-2000.0), Decoded(("c",), "done", logprob=-2001.0)]
    assert vote(answers, rows_of)[1] == pytest.approx(1 / (1 + math.exp(-1)))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"mode": "best"}, "mode is 'best'"),
        ({"check": "all"}, "check is 'all'"),
        ({"mode": "vote"}, "constrained=1"),
        ({"mode": "beam"}, "constrained=1"),
        ({"mode": "agent", "constrained": True}, "constrained=0"),
        ({"beams": 0}, "beams is 0"),
        ({"constrained": True, "layout": "steps"}, "layout folded or tree"),
        ({"precision": "half"}, "auto, float32, bfloat16"),
        ({"samples": 0}, "above 0"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        DecodingConfig(**given)  # type: ignore[arg-type]


def test_settings_hold_what_decides_an_answer_and_no_more() -> None:
    assert DecodingConfig(seed=1).settings() == DecodingConfig(seed=2).settings()
    assert "check" not in DecodingConfig().settings()
    votes = [DecodingConfig(mode="vote", constrained=True, seed=seed).settings() for seed in (1, 2)]
    assert votes[0] != votes[1] and votes[0]["check"] == "mentions"
