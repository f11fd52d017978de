"""A finished evaluation: one or several models on the same questions, as figures, as text, and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipesql.evaluate import statistics as scored
from pipesql.evaluate.breakdown import document
from pipesql.evaluate.judge import Judged
from pipesql.evaluate.paired import Against, against, pairings
from pipesql.evaluate.report.page import Model, page
from pipesql.evaluate.report.text import paired_metrics, summarise, table_text
from pipesql.inference.confidence import Confidence, calibration_error, curve, curve_metrics, curve_text, held_out, sure
from pipesql.records import Verdict
from pipesql.storage import atomic_write, write_json, write_jsonl

PAGE, TEXT, FIGURES = "evaluation.html", "evaluation.txt", "breakdown.json"
HANDED_IN = "answers"
"""The name of a model that is known by its answers alone."""


@dataclass(frozen=True)
class Evaluation:
    """Models by name, the one that matters last, each with its judged answers to the same questions.

    `earlier` is the name and the verdicts of another evaluation to compare the last one with. The same answers give
    the same text and files, byte for byte.
    """

    title: str
    models: Mapping[str, Sequence[Judged]]
    earlier: tuple[str, Sequence[Verdict]] | None = None
    confidence: Confidence | None = None
    """Fitted on other questions; without one, how sure the last model is of an answer is fitted on other databases."""
    verdicts: dict[str, list[Verdict]] = field(init=False)

    def __post_init__(self) -> None:
        verdicts = {name: [j.verdict for j in judged] for name, judged in self.models.items()}
        object.__setattr__(self, "verdicts", verdicts)

    @cached_property
    def scores(self) -> dict[str, dict[str, scored.Scored]]:
        """Of each model what its answers are worth by each rule."""
        return {name: scored.scored(verdicts) for name, verdicts in self.verdicts.items()}

    @cached_property
    def against(self) -> Against | None:
        """The last model beside the earlier evaluation. Raises BadInput where they share no question."""
        if self.earlier is None:
            return None
        return against(*self.earlier, list(self.verdicts.values())[-1])

    @cached_property
    def curve(self) -> tuple[dict[float, tuple[float, float]], float] | None:
        """Accuracy of the last model's surest answers, and calibration error; None where nothing tells them apart."""
        verdicts = list(self.verdicts.values())[-1]
        if self.confidence and any(v.extra.get("score") for v in verdicts):
            found: list[float] | None = [sure(self.confidence, v) for v in verdicts]
        else:
            found = held_out(verdicts)
        return (curve(verdicts, found), calibration_error(verdicts, found)) if found else None

    def metrics(self) -> dict[str, float]:
        """Flat metrics, grouped by the models' names, `paired/` for two models and `against/`."""
        out: dict[str, float] = {}
        for name, verdicts in self.verdicts.items():
            out |= summarise(verdicts).metrics(name) | scored.metrics(name, self.scores[name])
        if len(self.verdicts) == 2:
            out |= paired_metrics(*self.verdicts.values())
        if self.curve:
            out |= curve_metrics(list(self.verdicts)[-1], *self.curve)
        return out | (self.against.metrics() if self.against else {})

    def sentences(self) -> list[str]:
        """How the last of several models stands to the first, a sentence a rule."""
        if len(self.verdicts) == 1:
            return []
        (one, before), *_, (other, after) = self.verdicts.items()
        return [
            f"{rule}: only {other} right: {pairing.gained}, only {one} right: {pairing.lost}, "
            f"exact McNemar p = {pairing.p:.2g} (two-sided)"
            for rule, pairing in pairings(before, after).items()
        ]

    def text(self) -> str:
        """The table, the sentences, and how it stands against the earlier evaluation."""
        parts = [table_text(self.verdicts, self.scores), *self.sentences()]
        if self.curve:
            parts.append(curve_text(*self.curve))
        return "\n".join([*parts, self.against.text()] if self.against else parts)

    def write(self, folder: Path) -> list[Path]:
        """Write verdicts (`<name>.jsonl`; `verdicts.jsonl` of answers handed in), page, text and figures; their paths.

        Each file appears whole. Raises BadInput where they cannot be written.
        """
        paths = []
        for name, verdicts in self.verdicts.items():
            paths.append(folder / ("verdicts.jsonl" if name == HANDED_IN else f"{name}.jsonl"))
            write_jsonl(paths[-1], verdicts)
        models = [Model(name, judged, self.scores[name]) for name, judged in self.models.items()]
        for file, text in (
            (PAGE, page(self.title, models, self.sentences(), self.against)),
            (TEXT, f"{self.title}\n{self.text()}\n"),
        ):
            with atomic_write(folder / file) as out:
                out.write(text)
        write_json(folder / FIGURES, document(self.verdicts))
        return [*paths, folder / PAGE, folder / TEXT, folder / FIGURES]
