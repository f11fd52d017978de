"""What building a query gives, and the two operators that end queries of every shape: ORDER BY and LIMIT."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery


@dataclass
class Built:
    """Operators so far. `names` are the output columns' (empty where unnamed); `loose` if tables' names still show."""

    operators: list[op.Operator]
    names: list[str]
    ctes: list[Cte] = field(default_factory=list)
    loose: bool = False

    def query(self) -> PipeQuery:
        """The operators as a query of their own."""
        return PipeQuery(tuple(self.operators), tuple(self.ctes))


def ordered(key: exp.Expr, value: exp.Expr) -> exp.Ordered:
    """A sort key over another expression. SQLite and GoogleSQL agree on NULLs: small."""
    desc = bool(key.args.get("desc"))
    first = key.args.get("nulls_first")
    default = not desc
    explicit = bool(first) != default and first is not None
    return exp.Ordered(this=value, desc=desc or None, nulls_first=bool(first) if explicit else default)


def limit(node: exp.Expr) -> list[op.Operator]:
    """The LIMIT operator of a query, if it has one. Raises UnsupportedSql for a computed limit."""
    count, offset = node.args.get("limit"), node.args.get("offset")
    if count is None and offset is None:
        return []
    values = []
    for part in (count, offset):
        value = None if part is None else part.expression
        if value is not None and not (isinstance(value, exp.Literal) and value.is_int):
            raise UnsupportedSql("a LIMIT that is not a plain number", value.sql("sqlite"))
        values.append(0 if value is None else int(value.name))
    return [op.Limit(values[0], values[1])]
