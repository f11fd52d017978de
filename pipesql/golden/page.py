"""The report as one HTML page that stands by itself, with every question in it (`pipesql.pages`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipesql.golden.build import GoldenBuild
from pipesql.golden.constructs import ORDER
from pipesql.golden.reasons import meaning
from pipesql.golden.regression import Comparison
from pipesql.pages import packed, render
from pipesql.records import GoldenPair, Rejection

TEMPLATE = Path(__file__).with_name("page.html.jinja")

MAX_PAIRS = 20_000
"""Most golden pairs on a page, the first ones; all rejections are on it."""
_DIGEST_SHOWN = 12

TABLES = (
    ("by_split", "Splits", "split"),
    ("by_difficulty", "Difficulty", "difficulty"),
    ("by_construct", "Constructs of the gold", "construct"),
    ("by_database", "Databases", "database"),
)


def page(build: GoldenBuild, counts: dict[str, Any], comparison: Comparison | None = None) -> str:
    """The page of a build and its `report.report`. The same input gives the same page."""
    shown: list[GoldenPair | Rejection] = [*build.rejections, *build.pairs[:MAX_PAIRS]]
    return render(
        TEMPLATE,
        title="Golden pairs",
        counts=counts,
        tables=TABLES,
        reasons=[(name, count, *meaning(name)) for name, count in counts["by_reason"].items()],
        comparison=comparison,
        left_out=len(build.pairs) - min(len(build.pairs), MAX_PAIRS),
        placeholder="words in the question, the gold, the pipe text or the id",
        files="golden.jsonl and rejections.jsonl",
        data=packed({"constructs": ORDER, "rows": list(map(_row, shown))}),
    )


def _row(outcome: GoldenPair | Rejection) -> list[Any]:
    """One question as page.js reads it; the last field is a pair's proof or a rejection's fault."""
    if isinstance(outcome, GoldenPair):
        operators, result, more = outcome.operators, "golden", _proof(outcome)
    else:
        operators, result, more = tuple(outcome.pipe_sql.splitlines()), outcome.reason, _fault(outcome)
    return [
        outcome.id,
        f"{outcome.benchmark}/{outcome.split}",
        outcome.db_id,
        f"{outcome.benchmark}/{outcome.hardness or 'unknown'}",
        [ORDER.index(name) for name in outcome.constructs],
        outcome.question,
        outcome.gold_sql,
        operators,
        outcome.lowered_sql,
        result,
        more,
    ]


def _proof(pair: GoldenPair) -> list[Any]:
    digests = (pair.rows_digest, pair.perturbed_digest, pair.database_digest)
    return [pair.rows, pair.perturbed_rows, *(digest[:_DIGEST_SHOWN] for digest in digests)]


def _fault(rejection: Rejection) -> list[Any]:
    return [rejection.detail, rejection.shown_on, rejection.operator, rejection.agrees]
