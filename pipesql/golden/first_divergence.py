"""The operator at which a pipe query goes wrong: every prefix of it is a query, so each can be run by itself.

What a `Place` says and what it does not:

- A query that cannot be read or lowered, or fails in the database: `operator` ends the shortest prefix that fails as
  well. All shorter ones hold, so the fault is that operator's.
- Other rows: prefixes are compared with the gold, cut off after the same clause (`cut_points`). `operator` ends the
  shortest prefix that is shown to differ from it, `agrees` the longest before it that is shown to agree; the fault
  lies in the operators behind `agrees`, up to `operator`. Where prefixes cannot be compared, all that is known is that
  the whole query differs: `operator` is the last one.
- Wrong order of the right rows: the last ORDER BY, or the last operator where there is none.

SQL runs a SELECT in the order FROM, WHERE, GROUP BY, HAVING, SELECT, DISTINCT, ORDER BY, LIMIT, and the decompiler
writes its operators in that order. So a prefix of the pipe query corresponds to the gold without the clauses that are
still to come. Where that is not so (a join that the decompiler turned into another, a query in FROM, conditions moved
to other operators), there is no such gold, and no comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.errors import ExecutionError, SqlError, TooManyRows
from pipesql.execution.compare import Row, same_rows
from pipesql.execution.connection import Result
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema

Run = Callable[[str], Result]


@dataclass(frozen=True)
class Place:
    """Numbers of operators, from 1: the first after which it shows, the last before it that agrees (0: none)."""

    operator: int
    agrees: int


class Finder:
    """Runs the prefixes of one pipe query, given as the texts of its operators."""

    def __init__(self, operators: Sequence[str], schema: Schema, dialect: str = "sqlite") -> None:
        self._operators = operators
        self._schema = schema
        self._dialect = dialect

    def unreadable(self) -> Place:
        """The first operator that cannot be read or lowered."""
        for number in range(1, len(self._operators)):
            try:
                self._lowered(number)
            except SqlError:
                return Place(number, number - 1)
        return self._end(len(self._operators) - 1)

    def failing(self, run: Run) -> Place:
        """The first operator with which the database refuses the query, or runs too long."""
        for number in range(1, len(self._operators)):
            try:
                run(self._lowered(number))
            except TooManyRows:  # rows enough to see that it runs
                continue
            except (SqlError, ExecutionError):
                return Place(number, number - 1)
        return self._end(len(self._operators) - 1)

    def disordered(self) -> Place:
        """The operator that is to blame for the order of rows."""
        sorts = [i for i, o in enumerate(parse_operators(self._operators).operators, 1) if isinstance(o, op.OrderBy)]
        number = sorts[-1] if sorts else len(self._operators)
        return Place(number, number - 1)

    def differing(self, gold_sql: str, run: Run) -> Place:
        """The first operator after which the rows are shown to differ from the gold's at the same point."""
        try:
            gold = sqlglot.parse_one(gold_sql, read=self._dialect)
        except SqlglotError:
            return self._end(0)
        agrees = 0
        for point in cut_points(gold, parse_operators(self._operators).operators, self._dialect):
            same = self._same(point, run)
            if same is False:
                return Place(point.number, agrees)
            agrees = point.number if same else agrees
        return self._end(agrees)

    def _same(self, point: CutPoint, run: Run) -> bool | None:
        """Whether a prefix agrees with the gold cut off there; None if unknown."""
        try:
            gold, other = run(point.sql), run(self._lowered(point.number))
        except (SqlError, ExecutionError):
            return None
        if len(gold.rows) != len(other.rows):
            return False
        if point.same and len(gold.columns) == len(other.columns):
            return same_rows(gold.rows, other.rows)
        have = _columns(other)
        return True if all(have[column] >= n for column, n in _columns(gold).items()) else None

    def _lowered(self, number: int) -> str:
        return lower(parse_operators(self._operators[:number]), self._schema, self._dialect)

    def _end(self, agrees: int) -> Place:
        return Place(len(self._operators), agrees)


def _columns(result: Result) -> Counter[frozenset[tuple[Row, int]]]:
    """The columns, each as the multiset of its values."""
    return Counter(frozenset(Counter((row[i],) for row in result.rows).items()) for i in range(len(result.columns)))


@dataclass(frozen=True)
class CutPoint:
    """After the operator `number` (from 1) the pipe query should have as many rows as `sql`, the gold cut off there.

    With `same` it should have the same rows, column by column. Otherwise the columns of `sql` may be anywhere among
    the prefix's, or are still to be computed.
    """

    number: int
    sql: str
    same: bool


def cut_points(gold: exp.Expr, operators: Sequence[op.Operator], dialect: str) -> Iterator[CutPoint]:
    """The points at which proper prefixes of `operators` can be compared with the gold, shortest first."""
    for number, tree, same in _cuts(gold, operators):
        if number < len(operators):
            yield CutPoint(number, tree.sql(dialect), same)


_Cut = tuple[int, exp.Expr, bool]


def _cuts(gold: exp.Expr, operators: Sequence[op.Operator]) -> Iterator[_Cut]:
    if isinstance(gold, exp.Select):
        yield from _of_select(gold, operators)
    elif isinstance(gold, exp.SetOperation):
        places = [i for i, o in enumerate(operators) if isinstance(o, op.SetOperation)]
        if not places:
            return
        left = gold.this.copy()
        if gold.args.get("with_") is not None:
            left.set("with_", gold.args["with_"].copy())
        yield from _cuts(left, operators[: places[-1]])
        yield places[-1], left, True
        yield places[-1] + 1, _without(gold, "order", "limit", "offset"), True


def _of_select(gold: exp.Select, operators: Sequence[op.Operator]) -> Iterator[_Cut]:
    if not _corresponds(gold, operators):
        return
    seen = _Seen(operators)
    whole = _ends_alike(gold, operators)
    for number, operator in enumerate(operators, 1):
        seen.take(operator)
        tree = seen.cut_off(gold)
        if tree is not None and (whole or not seen.shaped):
            yield number, tree, not seen.shaped and _keeps_columns(gold)


def _corresponds(gold: exp.Select, operators: Sequence[op.Operator]) -> bool:
    """Whether both join plain tables in one order, with or without a condition alike, and have the same clauses."""
    source, joins = gold.args.get("from_"), gold.args.get("joins") or []
    if source is None or not all(isinstance(s.this, exp.Table) for s in [source, *joins]):
        return False
    seen = _Seen(operators)
    return (
        len(seen.found) == len(joins)
        and all(
            (o.on is not None or bool(o.using)) == bool(j.args.get("on") or j.args.get("using"))
            for o, j in zip(seen.found, joins, strict=True)
        )
        and (gold.args.get("where") is not None) == (seen.filters > 0)
        and (gold.args.get("having") is not None) == (seen.group_filters > 0)
        and _groups(gold) == any(isinstance(o, op.Aggregate) for o in operators)
    )


def _ends_alike(gold: exp.Select, operators: Sequence[op.Operator]) -> bool:
    """Whether DISTINCT and LIMIT are in both or in neither: a missing one would not show at any operator."""
    distinct = any(isinstance(o, op.Distinct) or (isinstance(o, op.Select) and o.distinct) for o in operators)
    cut = any(isinstance(o, op.Limit) for o in operators)
    return distinct == (gold.args.get("distinct") is not None) and cut == (gold.args.get("limit") is not None)


def _groups(gold: exp.Select) -> bool:
    parts = [*gold.expressions, gold.args.get("having"), gold.args.get("order")]
    return gold.args.get("group") is not None or any(
        node.parent_select is gold and not isinstance(node.parent, exp.Window)
        for part in parts
        if part is not None
        for node in part.find_all(exp.AggFunc)
    )


def _keeps_columns(gold: exp.Select) -> bool:
    """Whether `SELECT *` lists the tables' columns one after another."""
    joins = gold.args.get("joins") or []
    return not any(j.args.get("using") or j.args.get("method") or j.args.get("side") for j in joins)


class _Seen:
    """The clauses of the gold that the operators so far correspond to."""

    def __init__(self, operators: Sequence[op.Operator]) -> None:
        grouped = next((i for i, o in enumerate(operators) if isinstance(o, op.Aggregate)), len(operators))
        self.found = [o for o in operators[:grouped] if isinstance(o, op.Join)]
        self.filters = sum(isinstance(o, op.Where) for o in operators[:grouped])
        self.group_filters = sum(isinstance(o, op.Where) for o in operators[grouped:])
        self.joins = self.filtered = self.group_filtered = 0
        self.grouped = self.distinct = self.cut = self.shaped = False

    def take(self, operator: op.Operator) -> None:
        """Read the next operator."""
        match operator:
            case op.Join():
                self.joins += 1
            case op.Where() if self.grouped:
                self.group_filtered += 1
            case op.Where():
                self.filtered += 1
            case op.Aggregate():
                self.grouped = True
            case op.Distinct() | op.Select(distinct=True):
                self.distinct = True
            case op.Limit():
                self.cut = True
        self.shaped |= not isinstance(operator, op.From | op.Join | op.Where | op.As | op.OrderBy)

    def cut_off(self, gold: exp.Select) -> exp.Expr | None:
        """The gold with the clauses seen so far; None in the middle of a clause."""
        joins = gold.args.get("joins") or []
        if self.joins < len(joins):
            return None if self.filtered or self.shaped else self._with_joins(gold, joins[: self.joins])
        if self.filtered not in (0, self.filters) or self.group_filtered not in (0, self.group_filters):
            return None
        return self._with_joins(gold, joins)

    def _with_joins(self, gold: exp.Select, joins: Sequence[exp.Expr]) -> exp.Expr:
        gone = [] if self.cut else ["order", "limit", "offset"]
        gone += [] if self.filtered else ["where"]
        gone += [] if self.group_filtered else ["having"]
        gone += [] if self.distinct else ["distinct"]
        ungrouped = _groups(gold) and not self.grouped
        tree = _without(gold, *gone, *(["group"] if ungrouped else []))
        tree.set("joins", [join.copy() for join in joins])
        if ungrouped or not self.shaped:
            tree.set("expressions", [exp.Star()])
        return tree


def _without(query: exp.Expr, *clauses: str) -> exp.Expr:
    tree = query.copy()
    for clause in clauses:
        tree.set(clause, None)
    return tree
