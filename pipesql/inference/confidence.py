"""How sure to be of an answer: the probability that it is right, fitted on answers that were judged.

A logistic regression (Platt scaling, with four inputs instead of one) on what decoding records with every answer: the
log probability of its text, its result's share of the votes, how often one hypothesis was left for another, and how
many names that the question mentions it leaves out. Fitted on databases of the train split that were held back, it
predicts how likely answers on other databases are right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipesql.records import Verdict

INPUTS = ("logprob", "share", "backtracks", "missing_mentions")
"""Fields of `Verdict.extra`."""
FOLDS = 5
SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)
MIN_SHARE = 1e-3
"""Stands for a share of 0 (nothing ran), which has no logarithm."""


@dataclass(frozen=True)
class Confidence:
    """The fitted weights, in the order of INPUTS. Fits of earlier versions have no weight for the last input."""

    intercept: float
    weights: tuple[float, ...]

    def of(self, logprob: float, share: float, backtracks: int, missing_mentions: int = 0) -> float:
        """The probability in (0, 1) that such an answer is right."""
        inputs = _inputs(logprob, share, backtracks, missing_mentions)
        logit = self.intercept + sum(w * x for w, x in zip(self.weights, inputs, strict=False))
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))

    def text(self) -> str:
        """As JSON, for a tag."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Confidence:
        """Undo `text`."""
        found = json.loads(text)
        return cls(float(found["intercept"]), tuple(float(w) for w in found["weights"]))


def fit(verdicts: Sequence[Verdict]) -> Confidence | None:
    """Fit on judged answers; None where none carries a log probability, or all are right or all wrong."""
    known = [v for v in verdicts if v.extra.get("logprob")]
    if len({v.correct for v in known}) < 2:
        return None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit([_inputs_of(v) for v in known], [v.correct for v in known])
    return Confidence(float(model.intercept_[0]), tuple(float(w) for w in model.coef_[0]))


def cross_fitted(verdicts: Sequence[Verdict]) -> list[float] | None:
    """For each answer the confidence by a fit on other databases; None where one of the fits is impossible."""
    databases = sorted({v.db_id for v in verdicts})
    folds = [databases[number::FOLDS] for number in range(min(FOLDS, len(databases)))]
    found: dict[str, float] = {}
    for fold in folds:
        fitted = fit([v for v in verdicts if v.db_id not in fold])
        if fitted is None:
            return None
        found |= {v.id: confidence_in(fitted, v) for v in verdicts if v.db_id in fold}
    return [found[v.id] for v in verdicts]


def confidence_in(fitted: Confidence, verdict: Verdict) -> float:
    """The confidence in a judged answer; 0 for one without a query that runs, which is known without the gold."""
    return fitted.of(*(verdict.extra.get(name, 0) for name in INPUTS)) if verdict.valid else 0.0


@dataclass(frozen=True)
class Calibration:
    """How far confidences can be trusted: for each share of the answers, the surest ones, (their accuracy, the lowest
    confidence among them); and the expected calibration error."""

    curve: dict[float, tuple[float, float]]
    error: float

    def metrics(self, name: str) -> dict[str, float]:
        """Flat metrics: `name/accuracy_at_80`, …, and `name/calibration_error`."""
        found = {f"{name}/accuracy_at_{round(100 * share)}": accuracy for share, (accuracy, _) in self.curve.items()}
        return found | {f"{name}/calibration_error": self.error}

    def text(self) -> str:
        """As lines of text."""
        lines = [
            f"  answering the surest {share:.0%}: {accuracy:.1%} right (confidence from {least:.2f})"
            for share, (accuracy, least) in self.curve.items()
        ]
        return "\n".join([f"confidence, expected calibration error {self.error:.3f}", *lines])


def calibration(verdicts: Sequence[Verdict], confidences: Sequence[float]) -> Calibration:
    """Compare the confidence in each answer with its verdict."""
    ranked = sorted(zip(confidences, verdicts, strict=True), key=lambda pair: (-pair[0], pair[1].id))
    curve = {}
    for share in SHARES:
        kept = ranked[: max(1, round(share * len(ranked)))]
        curve[share] = (sum(v.correct for _, v in kept) / len(kept), kept[-1][0])
    return Calibration(curve, calibration_error(verdicts, confidences))


def calibration_error(verdicts: Sequence[Verdict], confidences: Sequence[float], bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean gap between confidence and accuracy over `bins` equal
    intervals of confidence, weighed by the answers in each."""
    total = 0.0
    for number in range(bins):
        inside = [
            (c, v.correct) for c, v in zip(confidences, verdicts, strict=True) if number == min(int(c * bins), bins - 1)
        ]
        total += abs(sum(c - right for c, right in inside))
    return total / max(1, len(verdicts))


def _inputs_of(verdict: Verdict) -> tuple[float, ...]:
    return _inputs(*(verdict.extra.get(name, 0) for name in INPUTS))


def _inputs(logprob: Any, share: Any, backtracks: Any, missing_mentions: Any) -> tuple[float, ...]:
    return float(logprob), math.log(max(float(share), MIN_SHARE)), float(backtracks), float(missing_mentions)
