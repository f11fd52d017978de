"""What a query names: the expressions in which its columns stand, a join's condition apart, and its tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery, nested_queries


def expressions(query: PipeQuery) -> Iterator[exp.Expr]:
    """All expressions of the query and of those in it, but for what is joined on."""
    yield from _expressions(query, joins=False)


def tables(query: PipeQuery) -> Iterator[str]:
    """The names of its tables."""
    for node in _expressions(query, joins=True):
        yield from (table.name for table in node.find_all(exp.Table))


def _expressions(value: Any, joins: bool) -> Iterator[exp.Expr]:
    if isinstance(value, exp.Expr):
        yield value
        for _, query in nested_queries(value):
            yield from _expressions(query, joins)
    elif isinstance(value, tuple):
        for part in value:
            yield from _expressions(part, joins)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if joins or not (isinstance(value, op.Join) and field.name == "on"):
                yield from _expressions(getattr(value, field.name), joins)
