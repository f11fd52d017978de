"""One walk over query trees: queries, operators and expressions, nested queries included.

`parts` gives what something is directly made of, as it is written, but a leading WITH last; `walk` goes down to the
last part. An expression is one part, whose own nodes sqlglot walks. To see less, pass another function for `parts`:
`own_parts` stays in the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from sqlglot import exp

from pipesql.errors import SqlSyntaxError, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.query import Part, PipeQuery, nested_queries

Walked: TypeAlias = "Part | exp.Expr"
Inside = Callable[[Walked], Iterator[Walked]]


def parts(whole: Walked) -> Iterator[Walked]:
    """What a query or an operator directly holds; of an expression the queries nested in it."""
    if isinstance(whole, exp.Expr):
        yield from (query for _, query in nested_queries(whole))
    else:
        yield from _held(tuple(vars(whole).values()))


def _held(values: tuple[Any, ...]) -> Iterator[Walked]:
    for value in values:
        if isinstance(value, Part | exp.Expr):
            yield value
        elif isinstance(value, tuple):
            yield from _held(value)


def own_parts(whole: Walked) -> Iterator[Walked]:
    """The same without nested queries."""
    return (part for part in parts(whole) if not isinstance(part, PipeQuery))


def parts_but_conditions(whole: Walked) -> Iterator[Walked]:
    """The same without what tables are joined on."""
    condition = whole.on if isinstance(whole, op.Join) else None
    return (part for part in parts(whole) if part is not condition)


def walk(whole: Walked, inside: Inside = parts) -> Iterator[Walked]:
    """The part itself and all that is in it."""
    yield whole
    for part in inside(whole):
        yield from walk(part, inside)


def expressions(whole: Walked, inside: Inside = parts) -> Iterator[exp.Expr]:
    """The expressions in a query or an operator, tables to read from among them."""
    return (part for part in walk(whole, inside) if isinstance(part, exp.Expr))


def tables_read(whole: Walked) -> list[str]:
    """The names of the tables that a query or an operator reads, nested queries included, as written, each once."""
    return list(dict.fromkeys(table.name for each in expressions(whole) for table in each.find_all(exp.Table)))


@depth_bounded
def require_pure(query: PipeQuery) -> None:
    """Raise SqlSyntaxError where the query, or one nested in it, holds a standard SELECT."""
    for block in _blocks(query):
        shown = block.sql("bigquery", comments=False)[:60]
        raise SqlSyntaxError(f"a standard SELECT is not pipe SQL: write {shown} … with FROM and |>")


def is_pure(query: PipeQuery) -> bool:
    """Whether neither the query nor one nested in it holds a standard SELECT."""
    return next(_blocks(query), None) is None


def _blocks(query: PipeQuery) -> Iterator[exp.Query]:
    return (part.query for part in walk(query) if isinstance(part, op.Block))
