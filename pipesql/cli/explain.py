"""`pipesql explain`: a query taken apart. Every prefix of a pipe query is a query, so each operator can be looked at.

After each operator: its columns, how many rows there are, the first few, and the time that took. A query that fails is
explained up to the operator that fails, with the reason.

Rows on a terminal: an aligned table, or one JSON object a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from sqlglot import exp
from sqlglot.tokens import TokenType

from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.execution.opening import open_database
from pipesql.execution.schema import read_schema
from pipesql.execution.sqlite import Result
from pipesql.pipe.engines import write
from pipesql.pipe.lowering.lower import lower, lower_tree
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.scan import split, tokens
from pipesql.pipe.schema import Schema


@dataclass(frozen=True)
class Stage:
    """The table after one operator, or the reason why there is none (`error`; the other fields are then empty)."""

    number: int
    operator: str
    columns: tuple[str, ...] = ()
    row_count: int = 0
    rows: tuple[tuple[Any, ...], ...] = ()
    ordered: bool = False
    sql: str = ""
    seconds: float = 0.0
    error: str = ""


def stages(text: str, db: Path, rows: int, timeout: float) -> Iterator[Stage]:
    """One Stage an operator; the last one carries the error if the query fails there.

    `rows` is how many rows to show, `timeout` the seconds for each operator. Raises BadInput for the database, and
    SqlSyntaxError for text that cannot even be cut into operators.
    """
    schema = read_schema(db)
    with open_database(db, timeout_s=timeout, max_rows=max(rows, 1)) as database:
        for number, (prefix, shown) in enumerate(_prefixes(text), 1):
            try:
                query = parse(prefix)
                shown = print_operators(query)[-1].removeprefix("|> ")
                yield _stage(number, shown, query, schema, database, rows)
            except PipesqlError as e:
                yield Stage(number, shown, error=str(e))
                return


def last_stage(operators: Sequence[str], schema: Schema, database: Database, rows: int) -> Stage:
    """The stage of the last of these operators. Raises PipesqlError where it does not hold or run."""
    query = parse("\n".join(operators))
    shown = print_operators(query)[-1].removeprefix("|> ")
    return _stage(len(operators), shown, query, schema, database, rows)


def _prefixes(text: str) -> Iterator[tuple[str, str]]:
    """The text up to each `|>` outside brackets and last the whole text, each with the operator that ends it."""
    for segment in split(tokens(text, "bigquery"), TokenType.PIPE_GT):
        if not segment:
            yield text, ""  # two pipes in a row: the parser says so
            return
        end = segment[-1].end + 1
        yield text[:end], text[segment[0].start : end]


def _stage(number: int, shown: str, query: PipeQuery, schema: Schema, database: Database, rows: int) -> Stage:
    scope = resolve(query, schema)[-1]
    few = lower_tree(query, schema, database.dialect)
    held = few.args.get("limit")
    if held is None or int(held.expression.name) > rows:
        few.set("limit", exp.Limit(expression=exp.Literal.number(rows)))
    result = database.run(write(few, database.dialect))
    whole = exp.Subquery(
        this=lower_tree(query, schema, database.dialect), alias=exp.TableAlias(this=exp.to_identifier("t"))
    )
    count = exp.select(exp.Count(this=exp.Star())).from_(whole)
    counted = database.run(write(count, database.dialect))
    return Stage(
        number=number,
        operator=shown,
        columns=tuple(c.name or "(unnamed)" for c in scope.columns),
        row_count=counted.rows[0][0],
        rows=tuple(result.rows),
        ordered=scope.ordered,
        sql=lower(query, schema, database.dialect),
        seconds=result.seconds + counted.seconds,
    )


def print_stages(found: Iterator[Stage], as_json: bool, with_sql: bool) -> bool:
    """Print stages as they come, as text or one JSON object each. False if the query failed."""
    for stage in found:
        if as_json:
            click.echo(json.dumps(asdict(stage), ensure_ascii=False, default=repr))
        else:
            click.echo(stage_text(stage, with_sql))
        if stage.error:
            return False
    return True


def stage_text(stage: Stage, with_sql: bool = False) -> str:
    """A stage for a terminal, with an empty line behind it."""
    head = click.style(f"{stage.number}  {stage.operator}", bold=True)
    if stage.error:
        return f"{head}\n   {click.style('error', fg='red')}: {stage.error}"
    rows = "1 row" if stage.row_count == 1 else f"{stage.row_count} rows"
    columns = "1 column" if len(stage.columns) == 1 else f"{len(stage.columns)} columns"
    facts = f"{rows}, {columns}, {'ordered' if stage.ordered else 'in no order'}"
    lines = [head, f"   {facts}, {stage.seconds * 1000:.1f} ms"]
    if with_sql:
        lines.append(f"   {stage.sql}")
    lines += [f"   {line}" for line in aligned(stage.columns, stage.rows)]
    if stage.row_count > len(stage.rows):
        lines.append("   …")
    return "\n".join(lines) + "\n"


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
