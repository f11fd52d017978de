"""The counts of a build by benchmark, difficulty, database, construct and reason, as a document and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pipesql.benchmarks.hardness import HARDNESS
from pipesql.golden.build import GoldenBuild
from pipesql.golden.constructs import ORDER
from pipesql.records import GoldenPair, Rejection

Outcome = GoldenPair | Rejection

BIRD_LABELS = ("simple", "moderate", "challenging")
_CLASSES = (*HARDNESS, *BIRD_LABELS)


def report(build: GoldenBuild) -> dict[str, Any]:
    """Counts of a build, for all questions and in groups.

    `gold_executes` counts the questions whose gold executes on the real database, `decidable` those of them whose gold
    does not contradict itself; `share` is golden over the first, `share_decidable` over the second, or 0. A question
    counts under each construct of its gold. `by_reason` counts all rejections by reason, `by_operator` those for which
    an operator is to blame by its keyword, most frequent first. `proof` counts the pairs whose gold finds rows on one
    of the two databases, and the pairs whose results differ on them.
    """
    outcomes: list[Outcome] = [*build.pairs, *build.rejections]
    return {
        **_counts(outcomes),
        "by_split": _by(outcomes, lambda o: [f"{o.benchmark}/{o.split}"]),
        "by_benchmark": _by(outcomes, lambda o: [o.benchmark]),
        "by_difficulty": _by(outcomes, lambda o: [f"{o.benchmark}/{o.hardness or 'unknown'}"], _difficulty_order),
        "by_database": _by(outcomes, lambda o: [o.db_id]),
        "by_construct": _by(outcomes, lambda o: o.constructs, lambda name: ORDER.index(name)),
        "by_reason": _frequent(r.reason for r in build.rejections),
        "by_operator": _frequent(keyword(r) for r in build.rejections if r.operator),
        "proof": _proof(build.pairs),
    }


def keyword(rejection: Rejection) -> str:
    """The keyword of the operator to blame: FROM, WHERE, UNION …"""
    words = rejection.pipe_sql.splitlines()[rejection.operator - 1].removeprefix("|> ").split()
    return " ".join(words[: 2 if words[:2] in (["ORDER", "BY"], ["GROUP", "BY"]) else 1])


def _by(
    outcomes: Iterable[Outcome], names: Callable[[Outcome], Iterable[str]], order: Callable[[str], Any] = str
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for name in names(outcome):
            groups.setdefault(name, []).append(outcome)
    return {name: _counts(groups[name]) for name in sorted(groups, key=order)}


def _difficulty_order(name: str) -> tuple[str, int, str]:
    benchmark, _, hardness = name.rpartition("/")
    return benchmark, _CLASSES.index(hardness) if hardness in _CLASSES else len(_CLASSES), hardness


def _frequent(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _counts(outcomes: list[Outcome]) -> dict[str, Any]:
    pairs = sum(isinstance(o, GoldenPair) for o in outcomes)
    failed = sum(isinstance(o, Rejection) and o.reason.startswith("gold_error") for o in outcomes)
    open_ended = sum(isinstance(o, Rejection) and o.reason == "undecidable" for o in outcomes)
    executes = len(outcomes) - failed
    decidable = executes - open_ended
    return {
        "questions": len(outcomes),
        "gold_executes": executes,
        "decidable": decidable,
        "golden": pairs,
        "rejected": len(outcomes) - pairs,
        "share": pairs / executes if executes else 0.0,
        "share_decidable": pairs / decidable if decidable else 0.0,
    }


def _proof(pairs: list[GoldenPair]) -> dict[str, int]:
    return {
        "pairs": len(pairs),
        "pure": sum(p.pure for p in pairs),
        "finds_rows": sum(p.rows > 0 or p.perturbed_rows > 0 for p in pairs),
        "differs_on_the_copy": sum(p.proofs > 1 and p.rows_digest != p.perturbed_digest for p in pairs),
        "without_a_copy": sum(p.proofs == 1 for p in pairs),
    }


def report_text(counts: dict[str, Any]) -> str:
    """The report as a table to print, with a newline at its end."""
    head = ("questions", "executes", "decidable", "golden", "share")
    lines = [f"{'':<28}" + "".join(f"{name:>10}" for name in head)]
    total = {"all": counts} if len(counts["by_split"]) != 1 else {}
    lines += [_line(name, row) for name, row in {**counts["by_split"], **total}.items()]
    lines += ["", "by difficulty", *(_line(name, row) for name, row in counts["by_difficulty"].items())]
    lost = {name: row for name, row in counts["by_construct"].items() if row["golden"] < row["gold_executes"]}
    if lost:
        lines += ["", "by construct, where pairs are lost", *(_line(name, row) for name, row in lost.items())]
    for title, found in (("rejected because", "by_reason"), ("the operator where it shows", "by_operator")):
        if counts[found]:
            lines += ["", title, *(f"  {name:<66}{count:>10}" for name, count in counts[found].items())]
    return "\n".join([*lines, "", _proof_line(counts["proof"])]) + "\n"


def _line(name: str, row: dict[str, Any]) -> str:
    numbers = "".join(f"{row[key]:>10}" for key in ("questions", "gold_executes", "decidable", "golden"))
    return f"{name:<28}{numbers}{row['share_decidable']:>10.2%}"


def _proof_line(proof: dict[str, int]) -> str:
    alone = f", {proof['without_a_copy']} are proved on the database alone" if proof["without_a_copy"] else ""
    return (
        f"of {proof['pairs']} golden pairs {proof['pure']} are pure, {proof['finds_rows']} find rows, "
        f"{proof['differs_on_the_copy']} return other rows on the perturbed copy{alone}"
    )


def metrics(build: GoldenBuild) -> dict[str, float]:
    """The counts as metrics: `golden/…` and `rejected/<reason>`, in characters that metric names may have."""
    counts = report(build)
    found = {
        "golden/pairs": float(counts["golden"]),
        "golden/rejected": float(counts["rejected"]),
        "golden/share": float(counts["share"]),
        "golden/share_decidable": float(counts["share_decidable"]),
        "golden/without_a_copy": float(counts["proof"]["without_a_copy"]),
    }
    for reason, count in counts["by_reason"].items():
        name = "".join(c if c.isalnum() or c in "_-. :" else "_" for c in reason)
        found[f"rejected/{name}"] = found.get(f"rejected/{name}", 0.0) + count
    return found
