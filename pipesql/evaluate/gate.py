"""The promotion gate: a candidate replaces the champion only when it is better beyond chance, and no less valid.

Both are compared on the same questions. Better: the one-sided exact McNemar test on execution accuracy gives
p < alpha. No less valid: at least as many answers parse, resolve and execute. Without a champion the base model,
untrained, takes its place: a model that training did not improve is not promoted either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipesql.errors import BadInput
from pipesql.evaluate.statistics import mcnemar
from pipesql.records import Verdict


@dataclass(frozen=True)
class Decision:
    """Whether to promote, why, and the figures behind it. Shares are in 0…1 of the same `questions`."""

    promote: bool
    sentence: str
    candidate: str
    reference: str
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
    alpha: float


def decide(
    candidate: Sequence[Verdict],
    reference: Sequence[Verdict],
    *,
    alpha: float = 0.05,
    candidate_name: str = "the candidate",
    reference_name: str = "the base model",
) -> Decision:
    """Judge the candidate's verdicts against the reference's. The names appear in the decision's sentence.

    Raises BadInput when alpha is no probability, and when the two were not evaluated on the same questions.
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha is {alpha}; give a probability between 0 and 1, such as 0.05")
    pairs = _paired(candidate, reference, candidate_name, reference_name)
    n = len(pairs)
    gained = sum(c.correct and not r.correct for c, r in pairs)
    lost = sum(r.correct and not c.correct for c, r in pairs)
    right, right_before = (sum(v.correct for v in side) for side in zip(*pairs, strict=True))
    valid, valid_before = (sum(v.valid for v in side) for side in zip(*pairs, strict=True))
    p = mcnemar(gained, lost)
    better, as_valid = p < alpha, valid >= valid_before
    figures = (
        f"it answers {right} of {n} questions rightly against {right_before} of {reference_name} "
        f"(only it: {gained}, only the other: {lost}, p = {p:.2g})"
    )
    if better and as_valid:
        sentence = f"promoted: {candidate_name} is better than {reference_name}: {figures}, and no less valid"
    elif better:
        sentence = (
            f"not promoted: {candidate_name} gives fewer valid answers, {valid} of {n} against {valid_before} of "
            f"{reference_name}, although {figures}"
        )
    else:
        sentence = f"not promoted: {candidate_name} is not better beyond chance: {figures}; p < {alpha:g} is asked for"
    return Decision(
        promote=better and as_valid,
        sentence=sentence,
        candidate=candidate_name,
        reference=reference_name,
        questions=n,
        candidate_ex=right / n,
        reference_ex=right_before / n,
        candidate_valid=valid / n,
        reference_valid=valid_before / n,
        gained=gained,
        lost=lost,
        p=p,
        alpha=alpha,
    )


def _paired(
    candidate: Sequence[Verdict], reference: Sequence[Verdict], candidate_name: str, reference_name: str
) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on the same question side by side; the gold counts as part of the question."""
    before = {(v.id, v.question, v.gold_sql): v for v in reference}
    after = {(v.id, v.question, v.gold_sql): v for v in candidate}
    if not after or after.keys() != before.keys() or len(after) != len(candidate) or len(before) != len(reference):
        raise BadInput(
            f"{candidate_name} ({len(candidate)} questions) and {reference_name} ({len(reference)}) were not evaluated "
            f"on the same questions, {len(after.keys() & before.keys())} are common; evaluate both on the same data, "
            "limit and seed"
        )
    return [(v, before[key]) for key, v in after.items()]
