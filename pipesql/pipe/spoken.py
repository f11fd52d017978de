"""What a query speaks of: the expressions in which its columns stand, a join's condition apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.query import nested_queries


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
