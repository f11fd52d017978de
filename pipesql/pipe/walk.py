"""Pure pipe SQL: no standard-SQL block is left anywhere, subqueries and CTE bodies included.

What a query speaks of: the expressions in which its columns stand, a join's condition apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from sqlglot import exp

from pipesql.errors import SqlSyntaxError, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery, nested_queries


@depth_bounded
def require_pure(query: PipeQuery) -> None:
    """Raise SqlSyntaxError where the query, or one nested in it, holds a standard-SQL block."""
    for block in _blocks(query):
        shown = block.sql("bigquery", comments=False)[:60]
        raise SqlSyntaxError(f"a standard SELECT is no pipe SQL: {shown} … must be said with FROM and |>")


def is_pure(query: PipeQuery) -> bool:
    """Whether no standard-SQL block is left in the query."""
    return next(_blocks(query), None) is None


def _blocks(part: object) -> Iterator[exp.Query]:
    """The blocks in an operator, a query, or whatever holds such."""
    if isinstance(part, op.Block):
        yield part.query
    elif isinstance(part, exp.Expr):
        for _, query in nested_queries(part):
            yield from _blocks(query)
    elif isinstance(part, tuple):
        for each in part:
            yield from _blocks(each)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _blocks(getattr(part, field.name))


def expressions(part: Any) -> Iterator[exp.Expr]:
    """All expressions of a query and of those in it, but for what is joined on."""
    if isinstance(part, exp.Expr):
        yield part
        for _, query in nested_queries(part):
            yield from expressions(query)
    elif isinstance(part, tuple):
        for each in part:
            yield from expressions(each)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            if not (isinstance(part, op.Join) and field.name == "on"):
                yield from expressions(getattr(part, field.name))
