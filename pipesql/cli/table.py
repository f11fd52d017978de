"""Tables for a terminal: rows of a database, the prefixes of a query, the origins of operators."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipesql.api.convert import Origin
    from pipesql.api.execute import Prefix
    from pipesql.execution.connection import Result

WIDEST_VALUE = 40
WIDEST_OPERATOR = 72
"""Characters up to which a column of a table grows: longer values are cut, longer operators stand out."""


def print_rows(result: Result, as_json: bool) -> None:
    """Print a result; NULL is shown as such, long values are cut in the table (never in JSON)."""
    if as_json:
        for values in result.rows:
            print_json(dict(zip(result.columns, values, strict=True)))
        return
    for line in aligned(result.columns, result.rows):
        click.echo(line)
    click.echo(f"({counted(len(result.rows), 'row')})", err=True)


def print_prefixes(found: Iterable[Prefix], as_json: bool, with_sql: bool) -> bool:
    """Print prefixes as they come, as text or one JSON object each. False if the query failed."""
    for prefix in found:
        if as_json:
            print_json(asdict(prefix))
        else:
            click.echo(prefix_text(prefix, with_sql))
        if prefix.error:
            return False
    return True


def prefix_text(prefix: Prefix, with_sql: bool = False) -> str:
    """A prefix for a terminal, with an empty line behind it."""
    head = click.style(f"{prefix.number}  {prefix.operator}", bold=True)
    if prefix.error:
        return f"{head}\n   {click.style('error', fg='red')}: {prefix.error}"
    facts = f"{counted(prefix.row_count, 'row')}, {counted(len(prefix.columns), 'column')}"
    order = "ordered" if prefix.ordered else "in no order"
    lines = [head, f"   {facts}, {order}, {prefix.seconds * 1000:.1f} ms"]
    if with_sql:
        lines.append(f"   {prefix.sql}")
    lines += [f"   {line}" for line in aligned(prefix.columns, prefix.rows)]
    if prefix.row_count > len(prefix.rows):
        lines.append("   …")
    return "\n".join(lines) + "\n"


def print_origins(found: Sequence[Origin], as_json: bool) -> None:
    """Print a table of operators, clauses and texts, or one JSON object an operator."""
    if as_json:
        for origin in found:
            print_json(asdict(origin))
        return
    rows = [(f"{o.query}: {o.operator}" if o.query else o.operator, o.clause, o.text) for o in found]
    head = ("operator", "clause", "query")
    first = min(max(len(operator) for operator, _, _ in (head, *rows)), WIDEST_OPERATOR)
    second, third = (max(len(row[place]) for row in (head, *rows)) for place in (1, 2))
    click.echo(_line(head, (first, second, third)))
    click.echo(_rule((first, second, third)))
    for row in rows:
        click.echo(_line(row, (first, second, third)))


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The lines of a table: names, a rule, one line a row."""
    cells = [[_shown(v) for v in row] for row in rows]
    widths = [max([len(c), *(len(row[i]) for row in cells)]) for i, c in enumerate(columns)]
    return [_line(columns, widths), _rule(widths), *(_line(row, widths) for row in cells)]


def counted(count: int, what: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def print_json(row: dict[str, Any]) -> None:
    """Print one JSON object on one line; values that JSON does not have as their text."""
    click.echo(json.dumps(row, ensure_ascii=False, default=repr))


def _rule(widths: Sequence[int]) -> str:
    return "-+-".join("-" * width for width in widths)


def _line(values: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(v.ljust(w) for v, w in zip(values, widths, strict=True)).rstrip()


def _shown(value: object) -> str:
    text = "NULL" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= WIDEST_VALUE else text[: WIDEST_VALUE - 1] + "…"
