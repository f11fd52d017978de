"""What a build gave: counts by benchmark, split and reason, as a document and as a small table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipesql.golden.build import GoldenBuild
from pipesql.records import GoldenPair, Rejection


def report(build: GoldenBuild) -> dict[str, Any]:
    """Counts of a build. `share` is golden pairs over gold queries that execute, 0 when none does.

    `by_split` has one entry per benchmark and split, `by_reason` all rejections by reason, most frequent first.
    """
    outcomes: list[GoldenPair | Rejection] = [*build.pairs, *build.rejections]
    groups: dict[str, list[GoldenPair | Rejection]] = {}
    for outcome in outcomes:
        groups.setdefault(f"{outcome.benchmark}/{outcome.split}", []).append(outcome)
    reasons = Counter(r.reason for r in build.rejections)
    return {
        **_counts(outcomes),
        "by_split": {name: _counts(members) for name, members in sorted(groups.items())},
        "by_reason": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    }


def _counts(outcomes: list[GoldenPair | Rejection]) -> dict[str, Any]:
    pairs = sum(isinstance(o, GoldenPair) for o in outcomes)
    failed = sum(isinstance(o, Rejection) and o.reason.startswith("gold_error") for o in outcomes)
    executes = len(outcomes) - failed
    return {
        "questions": len(outcomes),
        "gold_executes": executes,
        "golden": pairs,
        "rejected": len(outcomes) - pairs,
        "share": pairs / executes if executes else 0.0,
    }


def report_text(counts: dict[str, Any]) -> str:
    """The report as a table to print, with a newline at its end."""
    lines = [f"{'':<24}{'questions':>10}{'executes':>10}{'golden':>10}{'share':>9}"]
    total = {"all": counts} if len(counts["by_split"]) != 1 else {}
    for name, row in {**counts["by_split"], **total}.items():
        lines.append(
            f"{name:<24}{row['questions']:>10}{row['gold_executes']:>10}{row['golden']:>10}{row['share']:>9.2%}"
        )
    if counts["by_reason"]:
        lines += ["", "rejected because"]
        lines += [f"  {reason:<42}{count:>6}" for reason, count in counts["by_reason"].items()]
    return "\n".join(lines) + "\n"


def metrics(build: GoldenBuild) -> dict[str, float]:
    """The counts as metrics: `golden/…` and `rejected/<reason>`, in characters that metric names may have."""
    counts = report(build)
    found = {
        "golden/pairs": float(counts["golden"]),
        "golden/rejected": float(counts["rejected"]),
        "golden/share": float(counts["share"]),
    }
    for reason, count in counts["by_reason"].items():
        name = "".join(c if c.isalnum() or c in "_-. :" else "_" for c in reason)
        found[f"rejected/{name}"] = found.get(f"rejected/{name}", 0.0) + count
    return found
