"""Rows on a terminal: an aligned table, or one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from pipesql.execution.sqlite import Result

_WIDEST = 40


def print_rows(result: Result, as_json: bool) -> None:
    """Print a result; NULL is shown as such, long values are cut in the table (never in JSON)."""
    if as_json:
        for values in result.rows:
            click.echo(json.dumps(dict(zip(result.columns, values, strict=True)), ensure_ascii=False, default=repr))
        return
    for line in aligned(result.columns, result.rows):
        click.echo(line)
    click.echo(f"({len(result.rows)} row{'' if len(result.rows) == 1 else 's'})", err=True)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The lines of a table: names, a rule, one line a row."""
    cells = [[_shown(v) for v in row] for row in rows]
    widths = [max([len(c), *(len(row[i]) for row in cells)]) for i, c in enumerate(columns)]
    rule = "-+-".join("-" * w for w in widths)
    return [_line(columns, widths), rule, *(_line(row, widths) for row in cells)]


def _line(values: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(v.ljust(w) for v, w in zip(values, widths, strict=True)).rstrip()


def _shown(value: object) -> str:
    text = "NULL" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
