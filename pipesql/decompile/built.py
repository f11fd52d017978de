"""What building a query gives, and the two operators that end queries of every shape: ORDER BY and LIMIT."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery

#: GoogleSQL's OFFSET needs a LIMIT.
_ALL_ROWS = 2**63 - 1


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
    rows = _ALL_ROWS if count is None else _whole(count.expression)
    skipped = 0 if offset is None else max(_whole(offset.expression), 0)
    if rows < 0:  # SQLite: no limit
        return [op.Limit(_ALL_ROWS, skipped)] if skipped else []
    return [op.Limit(rows, skipped)]


def _whole(value: exp.Expr) -> int:
    literal = value.this if isinstance(value, exp.Neg) else value
    if not (isinstance(literal, exp.Literal) and literal.is_int):
        raise UnsupportedSql("a LIMIT that is not a plain number", value.sql("sqlite"))
    return -int(literal.name) if isinstance(value, exp.Neg) else int(literal.name)
