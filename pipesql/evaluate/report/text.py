"""An evaluation as text and metrics: figures of one model, and models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipesql.evaluate.breakdown import Tally, causes, divergences, divided
from pipesql.evaluate.statistics import Estimate, estimates, pairings, shown, wilson
from pipesql.records import Verdict


@dataclass(frozen=True)
class Share:
    """`right` of `n`, with its 95% Wilson interval."""

    right: int
    n: int

    @property
    def value(self) -> float:
        return self.right / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} [{low:.1%}, {high:.1%}]"


@dataclass(frozen=True)
class Summary:
    """Figures of one model: execution accuracy, validity, accuracy by hardness, failures by cause."""

    ex: Share
    valid: Share
    by_hardness: dict[str, Share]
    causes: dict[str, int]

    def metrics(self, prefix: str) -> dict[str, float]:
        """Flat metrics: `prefix/ex` with its interval as `_low` and `_high`, `prefix/valid`, hardness, causes."""
        out: dict[str, float] = {f"{prefix}/n": self.ex.n}
        for name, share in (("ex", self.ex), ("valid", self.valid)):
            low, high = share.interval
            out |= {f"{prefix}/{name}": share.value, f"{prefix}/{name}_low": low, f"{prefix}/{name}_high": high}
        out |= {f"{prefix}/ex_{name}": share.value for name, share in self.by_hardness.items()}
        return out | {f"{prefix}/cause_{name}": count for name, count in self.causes.items()}


def summarise(verdicts: Sequence[Verdict]) -> Summary:
    """The figures of one model's verdicts."""
    n = len(verdicts)
    return Summary(
        ex=Share(sum(v.correct for v in verdicts), n),
        valid=Share(sum(v.valid for v in verdicts), n),
        by_hardness={h: Share(round(t.sums["strict"]), t.n) for h, t in divided(verdicts, "hardness").items()},
        causes=causes(verdicts),
    )


def paired_metrics(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, float]:
    """Questions that only one of the two answered rightly, and the two-sided exact McNemar p-value."""
    pairing = pairings(base, tuned)["strict"]
    return {"paired/gained": pairing.gained, "paired/lost": pairing.lost, "paired/p": pairing.p}


def comparison_text(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> str:
    """Both models side by side as `table_text`, followed by the paired test."""
    pairing = pairings(base, tuned)["strict"]
    return (
        f"{table_text({'base': base, 'tuned': tuned})}\n"
        f"only tuned right: {pairing.gained}, only base right: {pairing.lost}, "
        f"exact McNemar p = {pairing.p:.2g} (two-sided)"
    )


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
    """`version_metrics` and `version_tags`."""
    return version_metrics(base, tuned), version_tags(base, tuned)


def version_tags(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, str]:
    """The quality of a registered version: accuracy with its 95% interval, validity, the base's figures."""
    before, after = summarise(base), summarise(tuned)
    low, high = after.ex.interval
    return {
        "ex": f"{after.ex.value:.4f}",
        "ex_interval": f"{low:.4f} to {high:.4f}",
        "valid": f"{after.valid.value:.4f}",
        "base_ex": f"{before.ex.value:.4f}",
        "base_valid": f"{before.valid.value:.4f}",
        "questions": str(after.ex.n),
    }


def version_metrics(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, float]:
    """The figures by which versions are compared, in the group `evaluated/`."""
    before, after = summarise(base), summarise(tuned)
    return {
        "evaluated/ex": after.ex.value,
        "evaluated/valid": after.valid.value,
        "evaluated/base_ex": before.ex.value,
        "evaluated/base_valid": before.valid.value,
    }
