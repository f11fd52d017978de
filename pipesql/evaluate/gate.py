"""The promotion gate: a candidate replaces the champion only when it is better beyond chance and at least as valid.

Both are compared on the same questions. Better: the one-sided exact McNemar test on execution accuracy gives
p < alpha. At least as valid: as many answers parse, resolve and execute. Without a champion the untrained base model
takes its place, so that a model that training did not improve is not promoted either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pipesql.errors import InvalidOption
from pipesql.evaluate.statistics import gained_and_lost, mcnemar
from pipesql.records import Verdict


@dataclass(frozen=True)
class Comparison:
    """Two models on the same `questions`. Shares are in 0…1."""

    questions: int
    candidate_ex: float
    reference_ex: float
    candidate_valid: float
    reference_valid: float
    gained: int
    """Questions that only the candidate answered rightly."""
    lost: int
    """Questions that only the reference answered rightly."""
    p: float


@dataclass(frozen=True)
class Decision:
    """Whether to promote, and why; `comparison` is None where nothing was compared."""

    promote: bool
    sentence: str
    alpha: float
    comparison: Comparison | None = None

    def metrics(self) -> dict[str, float]:
        """The decision as flat metrics: `promote/promoted` (0 or 1), `promote/p`, `promote/gained` …"""
        figures = dataclasses.asdict(self.comparison) if self.comparison else {}
        return {"promote/promoted": float(self.promote)} | {f"promote/{name}": value for name, value in figures.items()}


def keep(why: str, alpha: float) -> Decision:
    """The decision not to promote, for a reason that needs no figures."""
    return Decision(promote=False, sentence=f"not promoted: {why}", alpha=alpha)


def decide(
    candidate: Sequence[Verdict],
    reference: Sequence[Verdict],
    *,
    alpha: float = 0.05,
    candidate_name: str = "the candidate",
    reference_name: str = "the base model",
) -> Decision:
    """Compare the candidate's verdicts with the reference's. The names appear in the decision's sentence.

    Verdicts on other questions cannot be compared: the candidate is then not promoted. Raises InvalidOption when alpha
    is not a probability.
    """
    if not 0 < alpha < 1:
        raise InvalidOption(f"alpha is {alpha}: give a probability between 0 and 1, such as 0.05")
    pairs = _paired(candidate, reference)
    if pairs is None:
        return keep(
            f"{candidate_name} ({len(candidate)} questions) and {reference_name} ({len(reference)} questions) were not "
            "evaluated on the same questions; evaluate both on the same data, limit and seed",
            alpha,
        )
    n = len(pairs)
    right, right_before = sum(c.correct for c, _ in pairs), sum(r.correct for _, r in pairs)
    valid, valid_before = sum(c.valid for c, _ in pairs), sum(r.valid for _, r in pairs)
    gained, lost = gained_and_lost((r.correct, c.correct) for c, r in pairs)
    p = mcnemar(gained, lost)
    better, as_valid = p < alpha, valid >= valid_before
    figures = (
        f"{right} of {n} questions right against {right_before} "
        f"(only the new one right: {gained}, only the other: {lost}, p = {p:.2g})"
    )
    if better and as_valid:
        sentence = f"promoted: {candidate_name} is better than {reference_name}: {figures}, and no less valid"
    elif better:
        sentence = (
            f"not promoted: {candidate_name} gives fewer valid answers than {reference_name}: {valid} of {n} against "
            f"{valid_before}, although it has {figures}"
        )
    else:
        sentence = (
            f"not promoted: {candidate_name} is not better than {reference_name} beyond chance: {figures}; "
            f"p < {alpha:g} is required"
        )
    comparison = Comparison(n, right / n, right_before / n, valid / n, valid_before / n, gained, lost, p)
    return Decision(promote=better and as_valid, sentence=sentence, alpha=alpha, comparison=comparison)


def _paired(candidate: Sequence[Verdict], reference: Sequence[Verdict]) -> list[tuple[Verdict, Verdict]] | None:
    """(candidate, reference) for each question and its gold; None unless both judged the same questions."""
    after = {(v.id, v.question, v.gold_sql): v for v in candidate}
    before = {(v.id, v.question, v.gold_sql): v for v in reference}
    whole = len(after) == len(candidate) and len(before) == len(reference)
    if not after or not whole or after.keys() != before.keys():
        return None
    return [(v, before[key]) for key, v in after.items()]
