"""What an evaluation says: figures of one model, and base and tuned side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipesql.evaluate.score import CAUSES
from pipesql.evaluate.statistics import mcnemar_two_sided, wilson
from pipesql.records import Verdict

HARDNESS = ("easy", "medium", "hard", "extra")
"""The usual order of hardness classes; others follow by name."""


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
    """Figures of one model: execution accuracy, validity, accuracy by hardness, how often each cause."""

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
    names = {v.hardness for v in verdicts if v.hardness}
    ordered = [h for h in HARDNESS if h in names] + sorted(names - set(HARDNESS))
    causes = Counter(v.cause for v in verdicts if v.cause)
    return Summary(
        ex=Share(sum(v.correct for v in verdicts), n),
        valid=Share(sum(v.valid for v in verdicts), n),
        by_hardness={h: _share([v for v in verdicts if v.hardness == h]) for h in ordered},
        causes={cause: causes[cause] for cause in CAUSES},
    )


def paired_metrics(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, float]:
    """Questions that only one of the two answered rightly, and the two-sided exact McNemar p-value."""
    before = {v.id: v.correct for v in base}
    gained = sum(v.correct and not before[v.id] for v in tuned)
    lost = sum(before[v.id] and not v.correct for v in tuned)
    return {"paired/gained": gained, "paired/lost": lost, "paired/p": mcnemar_two_sided(gained, lost)}


def comparison_text(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> str:
    """Both models side by side as a plain-text table, one figure a line, ended by the paired test."""
    one, other, paired = summarise(base), summarise(tuned), paired_metrics(base, tuned)
    rows = [
        ("", "base", "tuned"),
        ("questions", str(one.ex.n), str(other.ex.n)),
        ("execution accuracy", str(one.ex), str(other.ex)),
        ("valid answers", str(one.valid), str(other.valid)),
    ]
    rows += [
        (f"  accuracy, {name} ({share.n})", f"{one.by_hardness[name].value:.1%}", f"{share.value:.1%}")
        for name, share in other.by_hardness.items()
    ]
    rows += [(f"  failed: {name}", str(one.causes[name]), str(count)) for name, count in other.causes.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(
        f"only tuned right: {paired['paired/gained']:.0f}, only base right: {paired['paired/lost']:.0f}, "
        f"exact McNemar p = {paired['paired/p']:.2g} (two-sided)"
    )
    return "\n".join(lines)


def comparison_rows(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One row a question with both answers, for a table artifact."""
    before = {v.id: v for v in base}
    rows: list[dict[str, Any]] = []
    for verdict in tuned:
        old = before[verdict.id]
        row: dict[str, Any] = {
            "id": verdict.id,
            "db_id": verdict.db_id,
            "hardness": verdict.hardness,
            "question": verdict.question,
            "gold_sql": verdict.gold_sql,
        }
        for name, v in (("base", old), ("tuned", verdict)):
            row |= {f"{name}_pipe_sql": v.pipe_sql, f"{name}_correct": v.correct, f"{name}_valid": v.valid}
            row |= {f"{name}_cause": v.cause, f"{name}_detail": v.detail}
        rows.append(row)
    return rows


def version_tags(base: Sequence[Verdict], tuned: Sequence[Verdict]) -> dict[str, str]:
    """What a registered version says of its quality: accuracy with its 95% interval, validity, the base's figures."""
    before, after = summarise(base), summarise(tuned)
    low, high = after.ex.interval
    return {
        "pipesql.ex": f"{after.ex.value:.4f}",
        "pipesql.ex_interval": f"{low:.4f} to {high:.4f}",
        "pipesql.valid": f"{after.valid.value:.4f}",
        "pipesql.base_ex": f"{before.ex.value:.4f}",
        "pipesql.base_valid": f"{before.valid.value:.4f}",
        "pipesql.questions": str(after.ex.n),
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


def _share(verdicts: Sequence[Verdict]) -> Share:
    return Share(sum(v.correct for v in verdicts), len(verdicts))
