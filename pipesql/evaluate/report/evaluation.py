"""A finished evaluation: one or several models on the same questions, as figures, as text, and as files.

One model, or a baseline and a candidate: the first and the last of the models by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.evaluate.breakdown import Tally, divergences, divided, document, summarise
from pipesql.evaluate.judge import Judged
from pipesql.evaluate.report.page import Model, page
from pipesql.evaluate.statistics import (
    EarlierComparison,
    Estimate,
    compare_with_earlier,
    estimate_metrics,
    estimates,
    pairings,
    shown,
)
from pipesql.records import Verdict
from pipesql.storage import atomic_write, write_json, write_jsonl

if TYPE_CHECKING:
    from pipesql.inference.confidence import Calibration, Confidence

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
        """The candidate beside the earlier evaluation. Raises InvalidOption without a common question."""
        if self.earlier is None:
            return None
        return compare_with_earlier(*self.earlier, list(self.verdicts.values())[-1])

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far confidence in the candidate's answers can be trusted; None where decoding recorded no probability."""
        verdicts = list(self.verdicts.values())[-1]
        if not any(v.extra.get("logprob") for v in verdicts):
            return None
        from pipesql.inference.confidence import calibration, confidence_in, cross_fitted

        fitted = self.confidence
        found = [confidence_in(fitted, v) for v in verdicts] if fitted else cross_fitted(verdicts)
        return calibration(verdicts, found) if found else None

    def metrics(self) -> dict[str, float]:
        """Flat metrics in groups: each model's name, `paired/` for two models, and `against/`."""
        out: dict[str, float] = {}
        for name, verdicts in self.verdicts.items():
            out |= summarise(verdicts).metrics(name) | estimate_metrics(name, self.estimates[name])
        if len(self.verdicts) == 2:
            out |= pairings(*self.verdicts.values())["strict"].metrics()
        if self.calibration:
            out |= self.calibration.metrics(list(self.verdicts)[-1])
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
        if self.calibration:
            parts.append(self.calibration.text())
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


def table_text(
    models: Mapping[str, Sequence[Verdict]], known: Mapping[str, Mapping[str, Estimate]] | None = None
) -> str:
    """Models side by side as a plain-text table, one figure per line. `known` are their estimates, if computed
    already."""
    summaries = [summarise(verdicts) for verdicts in models.values()]
    rows = [
        ("", *models),
        ("questions", *(str(s.ex.n) for s in summaries)),
        ("execution accuracy", *(str(s.ex) for s in summaries)),
        ("valid answers", *(str(s.valid) for s in summaries)),
        *_rule_rows(list((known or {name: estimates(v) for name, v in models.items()}).values())),
    ]
    for by, label in (("hardness", "{}"), ("operators", "gold of {} operators"), ("construct", "gold with {}")):
        rows += _class_rows([divided(verdicts, by) for verdicts in models.values()], label)
    rows += [
        (f"  failed: {name}", *(str(s.causes[name]) for s in summaries))
        for name in summaries[0].causes
        if name != "missing" or any(s.causes[name] for s in summaries)
    ]
    where = [divergences(verdicts) for verdicts in models.values()]
    rows += [
        (f"  diverges from the gold in {name}", *(str(counts.get(name, 0)) for counts in where))
        for name in dict.fromkeys(name for counts in reversed(where) for name in counts)
    ]
    return _aligned(rows)


def _rule_rows(models: Sequence[Mapping[str, Estimate]]) -> list[tuple[str, ...]]:
    """A line for each rule with its interval by questions, and one with that by databases."""
    rows: list[tuple[str, ...]] = []
    for name in models[0]:
        rows.append((f"by the rule {name}", *(str(found[name]) for found in models)))
        if all(found[name].by_database for found in models):
            rows.append(("  by databases", *(shown(found[name].by_database) for found in models)))
    return rows


def _class_rows(models: Sequence[Mapping[str, Tally]], label: str) -> list[tuple[str, ...]]:
    """A line for each class of questions with the share that each model answered rightly by the strict rule; `label`
    names the class."""
    return [
        (f"  accuracy, {label.format(name)} ({figures.n})", *(f"{t[name].share('strict') or 0:.1%}" for t in models))
        for name, figures in models[-1].items()
        if all(name in tallies for tallies in models)
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def comparison_rows(models: Mapping[str, Sequence[Verdict]]) -> list[dict[str, Any]]:
    """One row per question with the answers of all models, for a table artifact; all answered the same questions."""
    rows: dict[str, dict[str, Any]] = {}
    for name, verdicts in models.items():
        for v in verdicts:
            shared = {"id": v.id, "db_id": v.db_id, "hardness": v.hardness, "question": v.question}
            row = rows.setdefault(v.id, {**shared, "gold_sql": v.gold_sql})
            row |= {f"{name}_pipe_sql": v.pipe_sql, f"{name}_correct": v.correct, f"{name}_valid": v.valid}
            row |= {f"{name}_cause": v.cause, f"{name}_detail": v.detail}
    return list(rows.values())


def version_figures(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> tuple[dict[str, float], dict[str, str]]:
    """The quality of a registered version: metrics in the group `evaluated/`, by which versions are compared, and tags
    (accuracy with its 95% interval, validity, the base's figures)."""
    before, after = summarise(base), summarise(tuned)
    low, high = after.ex.interval
    metrics = {
        "evaluated/ex": after.ex.value,
        "evaluated/valid": after.valid.value,
        "evaluated/base_ex": before.ex.value,
        "evaluated/base_valid": before.valid.value,
    }
    return metrics, {
        "ex": f"{after.ex.value:.4f}",
        "ex_interval": f"{low:.4f} to {high:.4f}",
        "valid": f"{after.valid.value:.4f}",
        "base_ex": f"{before.ex.value:.4f}",
        "base_valid": f"{before.valid.value:.4f}",
        "questions": str(after.ex.n),
    }
