"""The report as one HTML page that stands by itself: no other file, no network, every question in it.

The questions travel as compressed JSON inside the page (a browser unpacks it with `DecompressionStream`): all of
Spider's 9,693, each with gold, pipe text, lowered SQL and proof, take less than a megabyte.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from pipesql.golden.build import GoldenBuild
from pipesql.golden.constructs import ORDER
from pipesql.golden.reasons import meaning
from pipesql.golden.regression import Comparison
from pipesql.records import GoldenPair, Rejection
from pipesql.version import __version__

TEMPLATE = "page.html.jinja"

MAX_PAIRS = 20_000
"""Most golden pairs that a page holds, the first ones; rejections it holds all."""
_DIGEST_SHOWN = 12

TABLES = (
    ("by_split", "Splits", "split"),
    ("by_difficulty", "Difficulty", "difficulty"),
    ("by_construct", "Constructs of the gold", "construct"),
    ("by_database", "Databases", "database"),
)


def page(build: GoldenBuild, counts: dict[str, Any], comparison: Comparison | None = None) -> str:
    """The page for a build and its `report.report`. The same input gives the same page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shown: list[GoldenPair | Rejection] = [*build.rejections, *build.pairs[:MAX_PAIRS]]
    return environment.get_template(TEMPLATE).render(
        counts=counts,
        tables=TABLES,
        reasons=[(name, count, *meaning(name)) for name, count in counts["by_reason"].items()],
        comparison=comparison,
        left_out=len(build.pairs) - min(len(build.pairs), MAX_PAIRS),
        data=_packed({"constructs": ORDER, "rows": list(map(_row, shown))}),
        version=__version__,
    )


def _packed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _row(outcome: GoldenPair | Rejection) -> list[Any]:
    """One question as page.js reads it; its last field is a pair's proof or a rejection's fault."""
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
