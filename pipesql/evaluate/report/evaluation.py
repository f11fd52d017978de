"""A finished evaluation: one or several models on the same questions, as figures, as text, and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipesql.evaluate.breakdown import document
from pipesql.evaluate.judge import Judged
from pipesql.evaluate.report.page import Model, page
from pipesql.evaluate.report.text import paired_metrics, summarise, table_text
from pipesql.evaluate.statistics import (
    EarlierComparison,
    Estimate,
    compare_with_earlier,
    estimate_metrics,
    estimates,
    pairings,
)
from pipesql.inference.confidence import (
    Confidence,
    calibration_error,
    confidence_in,
    cross_fitted,
    curve,
    curve_metrics,
    curve_text,
)
from pipesql.records import Verdict
from pipesql.storage import atomic_write, write_json, write_jsonl

PAGE, TEXT, FIGURES = "evaluation.html", "evaluation.txt", "breakdown.json"
SUBMITTED = "answers"
"""The name of a model of which only submitted predictions are known."""


@dataclass(frozen=True)
class Evaluation:
    """Models by name, baseline first and candidate last, each with its judged answers to the same questions.

    `earlier` is the name and the verdicts of another evaluation to compare the candidate with. The same answers give
    the same text and files, byte for byte.
    """

    title: str
    models: Mapping[str, Sequence[Judged]]
    earlier: tuple[str, Sequence[Verdict]] | None = None
    confidence: Confidence | None = None
    """Fitted on other questions; without it, confidence in the candidate's answers is fitted on the other databases
    here."""
    verdicts: dict[str, list[Verdict]] = field(init=False)

    def __post_init__(self) -> None:
        verdicts = {name: [j.verdict for j in judged] for name, judged in self.models.items()}
        object.__setattr__(self, "verdicts", verdicts)

    @cached_property
    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """The estimates of each model by each rule."""
        return {name: estimates(verdicts) for name, verdicts in self.verdicts.items()}

    @cached_property
    def against(self) -> EarlierComparison | None:
        """The candidate beside the earlier evaluation. Raises BadInput where they share no question."""
        if self.earlier is None:
            return None
        return compare_with_earlier(*self.earlier, list(self.verdicts.values())[-1])

    @cached_property
    def curve(self) -> tuple[dict[float, tuple[float, float]], float] | None:
        """Accuracy of the candidate's surest answers, and the calibration error; None without a confidence."""
        verdicts = list(self.verdicts.values())[-1]
        if self.confidence and any(v.extra.get("logprob") for v in verdicts):
            found: list[float] | None = [confidence_in(self.confidence, v) for v in verdicts]
        else:
            found = cross_fitted(verdicts)
        return (curve(verdicts, found), calibration_error(verdicts, found)) if found else None

    def metrics(self) -> dict[str, float]:
        """Flat metrics in groups: each model's name, `paired/` for two models, and `against/`."""
        out: dict[str, float] = {}
        for name, verdicts in self.verdicts.items():
            out |= summarise(verdicts).metrics(name) | estimate_metrics(name, self.estimates[name])
        if len(self.verdicts) == 2:
            out |= paired_metrics(*self.verdicts.values())
        if self.curve:
            out |= curve_metrics(list(self.verdicts)[-1], *self.curve)
        return out | (self.against.metrics() if self.against else {})

    def sentences(self) -> list[str]:
        """The candidate beside the baseline, a sentence per rule; empty for a single model."""
        if len(self.verdicts) == 1:
            return []
        (baseline, before), *_, (candidate, after) = self.verdicts.items()
        return [
            f"{rule}: only {candidate} right: {pairing.gained}, only {baseline} right: {pairing.lost}, "
            f"exact McNemar p = {pairing.p:.2g} (two-sided)"
            for rule, pairing in pairings(before, after).items()
        ]

    def text(self) -> str:
        """The table, the sentences, and the comparison with the earlier evaluation."""
        parts = [table_text(self.verdicts, self.estimates), *self.sentences()]
        if self.curve:
            parts.append(curve_text(*self.curve))
        return "\n".join([*parts, self.against.text()] if self.against else parts)

    def write(self, folder: Path) -> list[Path]:
        """Write verdicts (`<name>.jsonl`; `verdicts.jsonl` for submitted predictions), page, text and figures.

        Returns their paths. Each file appears whole. Raises StorageError where one cannot be written.
        """
        paths = []
        for name, verdicts in self.verdicts.items():
            paths.append(folder / ("verdicts.jsonl" if name == SUBMITTED else f"{name}.jsonl"))
            write_jsonl(paths[-1], verdicts)
        models = [Model(name, judged, self.estimates[name]) for name, judged in self.models.items()]
        for file, text in (
            (PAGE, page(self.title, models, self.sentences(), self.against)),
            (TEXT, f"{self.title}\n{self.text()}\n"),
        ):
            with atomic_write(folder / file) as out:
                out.write(text)
        write_json(folder / FIGURES, document(self.verdicts))
        return [*paths, folder / PAGE, folder / TEXT, folder / FIGURES]
