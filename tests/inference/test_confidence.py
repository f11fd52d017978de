"""How sure to be of an answer, on answers whose rightness is drawn from what is known of them."""

from __future__ import annotations

import math
import random

import pytest

pytest.importorskip("sklearn")

from pipesql.inference.confidence import (
    Confidence,
    calibration,
    confidence_in,
    cross_fitted,
    fit,
)
from pipesql.records import Verdict


def judged(number: int, logprob: float, correct: bool, backtracks: int = 0, valid: bool = True) -> Verdict:
    extra = {"logprob": logprob, "share": 1.0, "backtracks": backtracks}
    return Verdict(f"q{number:04}", f"db{number % 7}", "", "", "", "", valid, correct, extra=extra)


@pytest.fixture(scope="module")
def drawn() -> list[Verdict]:
    """Right with probability 1 / (1 + exp(-(2 + logprob - backtracks / 2)))."""
    draw, out = random.Random(0), []
    for number in range(3_000):
        logprob, backtracks = -draw.random() * 6, draw.choice((0, 0, 1, 4))
        right = draw.random() < 1 / (1 + math.exp(-(2 + logprob - backtracks / 2)))
        out.append(judged(number, logprob, right, backtracks=backtracks))
    return out


def test_the_fit_finds_what_decided(drawn: list[Verdict]) -> None:
    fitted = fit(drawn)
    assert fitted is not None
    assert fitted.weights[0] == pytest.approx(1, abs=0.15) and fitted.weights[2] == pytest.approx(-0.5, abs=0.1)
    assert Confidence.read(fitted.text()) == fitted
    assert fitted.of(-0.1, 1.0, 0) > 0.8 > 0.2 > fitted.of(-5.0, 1.0, 4)


def test_confidence_on_other_databases_is_calibrated_and_ranks(drawn: list[Verdict]) -> None:
    found = cross_fitted(drawn)
    assert found is not None
    calibrated = calibration(drawn, found)
    assert calibrated.error < 0.03
    accuracies = [accuracy for accuracy, _ in calibrated.curve.values()]
    assert accuracies == sorted(accuracies) and accuracies[-1] - accuracies[0] > 0.3
    assert accuracies[0] == pytest.approx(sum(v.correct for v in drawn) / len(drawn))
    assert calibrated.metrics("tuned")["tuned/accuracy_at_100"] == accuracies[0]
    assert "answering the surest 20%" in calibrated.text()


def test_the_fold_of_a_database_is_fitted_without_it(drawn: list[Verdict]) -> None:
    """Where the answers of one database are turned round, confidence in them does not follow."""
    turned = [
        judged(n, v.extra["logprob"], not v.correct, backtracks=v.extra["backtracks"]) if v.db_id == "db0" else v
        for n, v in enumerate(drawn)
    ]
    plain, other = cross_fitted(drawn), cross_fitted(turned)
    assert plain is not None and other is not None
    of_it = [n for n, v in enumerate(drawn) if v.db_id == "db0" and v.extra["backtracks"] == 0]
    assert all(plain[n] > 0.5 for n in of_it if drawn[n].extra["logprob"] > -0.5)
    assert all(other[n] > 0.5 for n in of_it if drawn[n].extra["logprob"] > -0.5)


def test_what_cannot_be_fitted() -> None:
    assert fit([judged(n, -1.0, True) for n in range(9)]) is None
    assert fit([judged(n, 0.0, n % 2 == 0) for n in range(9)]) is None
    assert cross_fitted([judged(n, 0.0, n % 2 == 0) for n in range(9)]) is None


def test_an_answer_that_does_not_run_has_no_confidence() -> None:
    confidence = Confidence(5.0, (0.0, 0.0, 0.0))
    assert confidence_in(confidence, judged(1, -0.1, False, valid=False)) == 0
    assert confidence_in(confidence, judged(1, -0.1, False)) > 0.9
