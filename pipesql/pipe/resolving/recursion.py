"""WITH RECURSIVE: the order in which its tables can be defined, and which of them read themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from sqlglot import exp

from pipesql.errors import SqlError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery, nested_queries
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.resolving.tables import CteTable


def in_order(ctes: tuple[Cte, ...]) -> list[Cte]:
    """The tables, each behind those that it reads. Raises UnsupportedSql where several read each other."""
    reads = {cte.name.lower(): set(tables_read(cte.query)) - {cte.name.lower()} for cte in ctes}
    out: list[Cte] = []
    left = list(ctes)
    while left:
        waiting = {cte.name.lower() for cte in left}
        ready = [cte for cte in left if not reads[cte.name.lower()] & waiting]
        if not ready:
            raise UnsupportedSql("tables of WITH RECURSIVE that read each other", ", ".join(c.name for c in left))
        out.append(ready[0])
        left.remove(ready[0])
    return out


def reads_itself(cte: Cte) -> bool:
    """Whether the table's query reads the table. Raises SqlError where that is not in a closing UNION."""
    name = cte.name.lower()
    if name not in tables_read(cte.query):
        return False
    *before, last = cte.query.operators
    if isinstance(last, op.Block):
        return True
    if not isinstance(last, op.SetOperation) or last.kind != "UNION" or len(last.queries) != 1 or not before:
        raise SqlError(f"{cte.name} reads itself: its query must end with |> UNION ALL|DISTINCT (one query)")
    if any(name in names for operator in before for names in [set(_names(operator))]):
        raise SqlError(f"{cte.name} reads itself before its last UNION")
    return True


def require_repeatable(body: Resolved, table: CteTable) -> None:
    """Raise SqlError where the rows that a recursive query makes would depend on more than single new rows."""
    if not _reads(body, table):
        return
    for operator in body.operators:
        if isinstance(operator, _WHOLE) or (isinstance(operator, op.Select) and operator.distinct):
            raise SqlError(f"{op.keyword(operator)} cannot stand in a recursive query: it needs all rows at once")
        if any(part.find(exp.Window) for part in expressions(operator)):
            raise SqlError("a window function cannot stand in a recursive query: it needs all rows at once")
        if isinstance(operator, op.Join) and operator.kind in ("LEFT", "RIGHT", "FULL"):
            right = body.sources[id(operator.source)].cte is table
            if operator.kind == "FULL" or right is (operator.kind == "LEFT"):
                raise SqlError(f"{table.name} stands on the side of a {operator.kind} JOIN that may be missing")
    for inner in body.nested.values():
        require_repeatable(inner, table)


_WHOLE = (op.Aggregate, op.Distinct, op.Limit, op.OrderBy, op.TableSample)


def _reads(body: Resolved, table: CteTable) -> bool:
    """Whether a resolved query, or one nested in it, reads the table."""
    here = any(source.cte is table for source in body.sources.values())
    return here or any(_reads(inner, table) for inner in body.nested.values())


def expressions(part: object) -> Iterator[exp.Expr]:
    """The expressions of an operator, nested queries left out."""
    if isinstance(part, exp.Expr):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from expressions(each)
    elif is_dataclass(part) and not isinstance(part, PipeQuery):
        for field in fields(part):
            yield from expressions(getattr(part, field.name))


def tables_read(query: PipeQuery) -> set[str]:
    """The names of tables, in lower case, that a query or one nested in it reads."""
    return set(_names(query))


def _names(part: object) -> Iterator[str]:
    if isinstance(part, exp.Expr):
        yield from (table.name.lower() for table in part.find_all(exp.Table))
        for _, query in nested_queries(part):
            yield from _names(query)
    elif isinstance(part, tuple):
        for each in part:
            yield from _names(each)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _names(getattr(part, field.name))
