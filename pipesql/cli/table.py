"""Rows on a terminal: an aligned table, or one JSON object a line."""

from __future__ import annotations

import json

import click

from pipesql.execution.sqlite import Result

_WIDEST = 40


def print_rows(result: Result, as_json: bool) -> None:
    """Print a result; NULL is shown as such, long values are cut in the table (never in JSON)."""
    if as_json:
        for values in result.rows:
            click.echo(json.dumps(dict(zip(result.columns, values, strict=True)), ensure_ascii=False, default=repr))
        return
    cells = [[_shown(v) for v in row] for row in result.rows]
    widths = [max([len(c), *(len(row[i]) for row in cells)]) for i, c in enumerate(result.columns)]
    click.echo(" | ".join(c.ljust(w) for c, w in zip(result.columns, widths, strict=True)).rstrip())
    click.echo("-+-".join("-" * w for w in widths))
    for row in cells:
        click.echo(" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    click.echo(f"({len(cells)} row{'' if len(cells) == 1 else 's'})", err=True)


def _shown(value: object) -> str:
    text = "NULL" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
