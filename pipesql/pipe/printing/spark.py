"""A pipe query in the operators that Spark SQL has (version 4; https://spark.apache.org/docs/latest/sql-pipe-syntax.html).

DISTINCT, RENAME, WINDOW, several queries in one set operation and window functions in WHERE are written with other
operators; what cannot be is refused by name. Expressions follow the rules of `engines.spark`, as in lowered SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.engines.spark import for_spark as expressions_for_spark
from pipesql.pipe.identifiers import aliased, column
from pipesql.pipe.query import Cte, PipeQuery

_LARGEST = 2**31 - 1
_GROUPINGS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def for_spark(query: PipeQuery) -> PipeQuery:
    """The query with other operators where Spark needs them; queries nested in it stay as they are.

    Raises UnsupportedSql, naming the operator.
    """
    if query.recursive and any(isinstance(o, op.SetOperation) and o.distinct for c in query.ctes for o in _of(c)):
        raise _refused("WITH RECURSIVE with UNION DISTINCT", "use UNION ALL")
    rewriter = _Rewriter()
    operators = [made for operator in query.operators for made in rewriter.rewritten(operator)]
    return replace(query, operators=tuple(_in_spark(o) for o in operators))


def _of(cte: Cte) -> tuple[op.Operator, ...]:
    return cte.query.operators


class _Rewriter:
    """Rewrites operators in turn. `names` are the columns' names while all are known and no table is in view."""

    def __init__(self) -> None:
        self.names: list[str] | None = None
        self.windows = 0

    def rewritten(self, operator: op.Operator) -> Iterator[op.Operator]:
        """The operators that Spark has for this one."""
        match operator:
            case op.Distinct():
                yield op.Select((exp.Star(),), distinct=True)
            case op.Rename(pairs):
                yield self._renamed(pairs)
            case op.Window(items):
                yield op.Extend(items)
            case op.Where(condition) if condition.find(exp.Window) is not None:
                yield from self._windowed(condition)
            case op.SetOperation():
                if operator.matching or operator.side or operator.strict:
                    raise _refused(
                        f"{operator.kind} {operator.matching or operator.side}".rstrip(), "match by position"
                    )
                yield from (replace(operator, queries=(query,)) for query in operator.queries)
            case _:
                _require_form(operator)
                yield operator
        self._note(operator)

    def _renamed(self, pairs: tuple[tuple[str, str], ...]) -> op.Select:
        """RENAME as a SELECT of all columns."""
        new = {old.lower(): name for old, name in pairs}
        known = [] if self.names is None else [name.lower() for name in self.names]
        if self.names is None or len(set(known)) < len(known) or not new.keys() <= set(known):
            raise _refused("RENAME of a table's columns", "write SELECT with all columns")
        return op.Select(tuple(_called(name, new.get(name.lower(), name)) for name in self.names))

    def _windowed(self, condition: exp.Expr) -> Iterator[op.Operator]:
        """WHERE with window functions: EXTEND computes them, DROP removes them again."""
        condition = condition.copy()
        holder = exp.Paren(this=condition)
        items, names = [], []
        for window in list(holder.find_all(exp.Window)):
            if window.find_ancestor(exp.Window) is None:
                self.windows += 1
                names.append(f"spark_window_{self.windows}")
                window.replace(column(names[-1]))
                items.append(aliased(window, names[-1]))
        yield op.Extend(tuple(items))
        yield op.Where(holder.this)
        yield op.Drop(tuple(names))

    def _note(self, operator: op.Operator) -> None:
        """Note the columns' names behind an operator."""
        names = self.names
        match operator:
            case op.Select(items) | op.Aggregate(items):
                keys = operator.keys if isinstance(operator, op.Aggregate) else ()
                made = [item.alias_or_name for item in (*keys, *items)]
                self.names = None if "" in made or any(item.is_star for item in items) else made
            case op.Rename(pairs) if names is not None:
                new = {old.lower(): name for old, name in pairs}
                self.names = [new.get(name.lower(), name) for name in names]
            case op.Extend(items) | op.Window(items) if names is not None:
                made = [item.alias_or_name for item in items]
                self.names = None if "" in made else [*names, *made]
            case op.Drop(dropped) if names is not None:
                gone = {name.lower() for name in dropped}
                self.names = [name for name in names if name.lower() not in gone]
            case op.Where() | op.OrderBy() | op.Limit() | op.Distinct() | op.SetOperation() | op.Set():
                pass
            case _:
                self.names = None


def _called(old: str, new: str) -> exp.Expr:
    return column(old) if old == new else aliased(column(old), new)


def _require_form(operator: op.Operator) -> None:
    """Raise UnsupportedSql for a form of an operator that Spark does not have."""
    match operator:
        case op.Aggregate():
            grouping = next((k for k in operator.keys if isinstance(k, (*_GROUPINGS, exp.Tuple))), None)
            if grouping is not None:
                raise _refused("AGGREGATE with ROLLUP, CUBE or GROUPING SETS", "lower it to standard SQL")
            if operator.and_order or operator.item_order or operator.key_order:
                raise _refused("AGGREGATE with an order", "write ORDER BY behind it")
        case op.Limit(count, offset):
            if any(isinstance(n, int) and n > _LARGEST for n in (count, offset)):
                raise _refused(f"LIMIT of more than {_LARGEST} rows")
        case op.Extend(_, windows) if windows:
            raise _refused("EXTEND with WINDOW", "write the windows where they are used")
        case op.Select(items) if operator.shape or any(_star_replaces(i) for i in items):
            raise _refused("SELECT AS STRUCT, AS VALUE or * REPLACE")


def _star_replaces(item: exp.Expr) -> bool:
    return any(star.args.get("replace") or star.args.get("rename") for star in item.find_all(exp.Star))


def _refused(what: str, instead: str = "") -> UnsupportedSql:
    return UnsupportedSql(f"{what} in Spark's pipe syntax", instead)


def _in_spark(part: Any) -> Any:
    """An operator, or a part of one, with its expressions in Spark's terms."""
    if isinstance(part, exp.Expr):
        holder = exp.Tuple(expressions=[part.copy()])  # a rule may put another node in the place of this one
        return expressions_for_spark(holder).expressions[0]
    if isinstance(part, tuple):
        return tuple(_in_spark(each) for each in part)
    if is_dataclass(part) and not isinstance(part, PipeQuery | type):
        return replace(part, **{field.name: _in_spark(getattr(part, field.name)) for field in fields(part)})
    return part
