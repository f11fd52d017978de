"""The two conversions of the command line, each from text to text; each imports what it alone needs when it starts.

`to-pipe --explain`: each operator, and the clause of the standard query that it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from pipesql.decompile import decompile_with_origins
from pipesql.decompile.build.origins import Origins
from pipesql.decompile.infer import infer_from_standard
from pipesql.execution.schema import read_schema
from pipesql.pipe.inferred import complete, infer_from_pipe
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import PipeQuery


def standard_to_pipe(sql: str, db: Path | None, source: str, target: str, keep_names: bool = False) -> str:
    """Standard SQL of dialect `source` as pipe text of dialect `target`, in normal form or with its own names.

    Without a database the schema is read off the query. Raises PipesqlError.
    """
    from pipesql.decompile import decompile
    from pipesql.decompile.infer import infer_from_standard
    from pipesql.pipe.printing.printer import print_query

    schema = infer_from_standard(sql, source) if db is None else read_schema(db)
    text = print_query(decompile(sql, schema, source, keep_names=keep_names), target)
    return complete(text) if db is None else text


def pipe_to_standard(text: str, db: Path | None, source: str, target: str) -> str:
    """Pipe text of dialect `source` as standard SQL of dialect `target`.

    Without a database the schema is read off the query. Raises PipesqlError.
    """
    from pipesql.pipe.lowering.lower import lower
    from pipesql.pipe.reading.parser import parse

    query = parse(text, source)
    if db is None:
        return complete(lower(query, infer_from_pipe(query), target))
    return lower(query, read_schema(db), target)


_WIDEST = 72


@dataclass(frozen=True)
class Step:
    """One operator; `query` is the name of the CTE that it stands in, empty for the query itself."""

    query: str
    operator: str
    clause: str
    text: str


def steps(sql: str, db: Path | None, source: str, target: str, keep_names: bool = False) -> Iterator[Step]:
    """The operators of a query's pipe form with their origins, those of its CTEs first. Raises PipesqlError."""
    schema = infer_from_standard(sql, source) if db is None else read_schema(db)
    query, origins = decompile_with_origins(sql, schema, source, keep_names=keep_names)
    for cte in query.ctes:
        yield from _steps(cte.name, cte.query, origins, target)
    yield from _steps("", query, origins, target)


def _steps(name: str, query: PipeQuery, origins: Origins, target: str) -> Iterator[Step]:
    texts = print_operators(PipeQuery(query.operators), target)
    for operator, text in zip(query.operators, texts, strict=True):
        origin = origins.of(operator)
        yield Step(name, text.removeprefix("|> "), origin.clause, origin.text)


def print_steps(found: list[Step], as_json: bool) -> None:
    """Print the table of operators, clauses and texts, or one JSON object an operator."""
    if as_json:
        for step in found:
            click.echo(json.dumps(asdict(step), ensure_ascii=False))
        return
    rows = [
        (f"{step.query}: {step.operator}" if step.query else step.operator, step.clause, step.text) for step in found
    ]
    for line in _table([("operator", "clause", "query"), *rows]):
        click.echo(line)


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    """The lines of a table, nothing cut; very long operators stand out."""
    first = min(max(len(operator) for operator, _, _ in rows), _WIDEST)
    second = max(len(clause) for _, clause, _ in rows)
    lines = [f"{a.ljust(first)} | {b.ljust(second)} | {c}" for a, b, c in rows]
    rule = f"{'-' * first}-+-{'-' * second}-+-{'-' * max(len(c) for _, _, c in rows)}"
    return [lines[0], rule, *lines[1:]]
