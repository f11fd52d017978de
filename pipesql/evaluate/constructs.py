"""What the pipe form of a gold is made of, in words to count by: read from its operators, nested queries included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.parser import parse
from pipesql.pipe.query import PipeQuery, nested_queries

CONSTRUCTS = (
    "one table",
    "join",
    "outer join",
    "where",
    "aggregate",
    "group by",
    "having",
    "order by",
    "limit",
    "distinct",
    "nested query",
    "set operation",
    "window",
    "case",
)
"""In the order in which reports name them. `one table`: no join, nested query or set operation."""
_SEVERAL = frozenset({"join", "outer join", "nested query", "set operation"})


@lru_cache(maxsize=10_000)
def constructs(operators: tuple[str, ...]) -> tuple[str, ...]:
    """The constructs of a query given as the texts of its operators. Raises SqlError where that is no pipe SQL."""
    found = set(_of_query(parse("\n".join(operators))))
    if not found & _SEVERAL:
        found.add("one table")
    return tuple(name for name in CONSTRUCTS if name in found)


def _of_query(query: PipeQuery) -> Iterator[str]:
    for cte in query.ctes:
        yield "nested query"
        yield from _of_query(cte.query)
    yield from _of_operators(query.operators)


def _of_operators(operators: Sequence[op.Operator]) -> Iterator[str]:
    grouped = False
    for operator in operators:
        yield from _of_operator(operator, grouped)
        grouped |= isinstance(operator, op.Aggregate)


def _of_operator(operator: op.Operator, grouped: bool) -> Iterator[str]:
    match operator:
        case op.SetOperation(queries=queries):
            yield "set operation"
            for query in queries:  # a branch is no nested query
                yield from _of_query(query)
            return
        case op.Aggregate(keys=keys):
            yield "group by" if keys else "aggregate"
        case op.Where():
            yield "having" if grouped else "where"
        case op.OrderBy():
            yield "order by"
        case op.Limit():
            yield "limit"
        case op.Distinct() | op.Select(distinct=True):
            yield "distinct"
    yield from _inside(operator)


def _inside(part: object) -> Iterator[str]:
    """What stands in an operator: joins, and expressions with what is nested in them."""
    if isinstance(part, op.Join):
        yield "join"
        if part.kind in ("LEFT", "RIGHT", "FULL"):
            yield "outer join"
    if isinstance(part, PipeQuery):
        yield "nested query"
        yield from _of_query(part)
    elif isinstance(part, exp.Expr):
        if part.find(exp.Window):
            yield "window"
        if part.find(exp.Case, exp.If):
            yield "case"
        for _, query in nested_queries(part):
            yield from _inside(query)
    elif isinstance(part, tuple):
        for each in part:
            yield from _inside(each)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _inside(getattr(part, field.name))
