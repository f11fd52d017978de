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
    recursive: bool = False

    def query(self) -> PipeQuery:
        """The operators as a query of their own."""
        return PipeQuery(tuple(self.operators), tuple(self.ctes), self.recursive)


def ordered(key: exp.Expr, value: exp.Expr) -> exp.Ordered:
    """A sort key over another expression. In GoogleSQL NULLs are small; where they are not here, it is written."""
    desc = bool(key.args.get("desc"))
    first = key.args.get("nulls_first")
    default = not desc
    explicit = bool(first) != default and first is not None
    return exp.Ordered(this=value, desc=desc or None, nulls_first=bool(first) if explicit else default)


def limit(node: exp.Expr) -> list[op.Operator]:
    """The LIMIT operator of a query, if it has one. Raises UnsupportedSql for a limit that is no constant."""
    count, offset = node.args.get("limit"), node.args.get("offset")
    if count is None and offset is None:
        return []
    rows = _ALL_ROWS if count is None else _rows(count)
    skipped = 0 if offset is None else max(_whole(offset.expression), 0)
    if rows < 0:  # SQLite: no limit
        return [op.Limit(_ALL_ROWS, skipped)] if skipped else []
    return [op.Limit(rows, skipped)] if rows != _ALL_ROWS or skipped else []


def _rows(count: exp.Expr) -> int:
    options = count.args.get("limit_options")
    if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
        raise UnsupportedSql("a LIMIT in percent or WITH TIES")
    value = count.args["count"] if isinstance(count, exp.Fetch) else count.expression
    if isinstance(value, exp.Null | exp.Var):  # LIMIT NULL, LIMIT ALL
        return _ALL_ROWS
    return 1 if value is None else _whole(value)


def _whole(value: exp.Expr) -> int:
    """The value of a constant expression of integers."""
    match value:
        case exp.Literal() if value.is_int:
            return int(value.name)
        case exp.Paren():
            return _whole(value.this)
        case exp.Neg():
            return -_whole(value.this)
        case exp.Add():
            return _whole(value.this) + _whole(value.expression)
        case exp.Sub():
            return _whole(value.this) - _whole(value.expression)
        case exp.Mul():
            return _whole(value.this) * _whole(value.expression)
    raise UnsupportedSql("a LIMIT that is not a plain number", value.sql("sqlite"))
