"""AGGREGATE: GROUP BY on a level, over one grouping or several.

Where the engine has no GROUPING SETS, every row is joined with the number of each grouping, and a key is NULL in the
rows of the groupings that do not have it.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased, column
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import as_table
from pipesql.pipe.rebuild import unbracketed
from pipesql.pipe.resolving.grouping_sets import AggregateSets, Places
from pipesql.pipe.scope import Scope, ScopeColumn

_ONE = exp.Literal.number(1)
_WITHOUT_SETS = frozenset({"sqlite", "mysql"})


def aggregate(frame: Frame, operator: op.Aggregate, before: Scope, after: Scope) -> None:
    """AGGREGATE: on a level that neither groups nor cuts yet."""
    sets = operator.sets if isinstance(operator, AggregateSets) else ()
    if not frame.level.plain or frame.names_any(frame.level.windowed) or frame.level.source is None:
        frame.wrap(before)
    keys = [frame.expression(unbracketed(k.unalias())) for k in operator.keys]
    if any(_needs_level(frame, k, bool(sets)) for k in keys):
        frame.wrap(before)
        keys = [frame.expression(unbracketed(k.unalias())) for k in operator.keys]
    level = frame.level
    grouped, shown, number = keys, keys, None
    if sets and frame.dialect in _WITHOUT_SETS:
        number = _numbered(frame, len(sets))
        shown = [_chosen(k, n, sets, number) for n, k in enumerate(keys)]
        grouped = [number, *shown]
    elif isinstance(operator, AggregateSets):
        grouped = [_clause(operator, keys)]
        if () in sets:  # GoogleSQL gives no row for no rows
            level.having.append(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0)))
    _answer_grouping(frame, operator, number)
    for col, item in zip(after.columns[len(keys) :], operator.items, strict=True):
        level.exprs[col] = frame.expression(item.unalias())
    for col, key in zip(after.columns, shown, strict=False):
        level.exprs[col] = key
    level.grouped, level.keys, level.untouched = True, grouped, None
    level.computed_keys = {c for c, k in zip(after.columns, shown, strict=False) if not isinstance(k, exp.Column)}
    level.order.clear()


def _needs_level(frame: Frame, key: exp.Expr, sets: bool) -> bool:
    """Whether a key must be a column of the level below: it would be read as a position, or be computed anew."""
    nested = frame.googlesql and key.find(exp.Query) is not None
    return key.find(exp.Column) is None or nested or (sets and not isinstance(key, exp.Column))


def _clause(operator: AggregateSets, keys: list[exp.Expr]) -> exp.Expr:
    """ROLLUP, CUBE or GROUPING SETS over these keys."""
    copies = [k.copy() for k in keys]
    if operator.spelling:
        return (exp.Rollup if operator.spelling == "ROLLUP" else exp.Cube)(expressions=copies)
    tuples = [exp.Tuple(expressions=[keys[n].copy() for n in places]) for places in operator.sets]
    return exp.GroupingSets(expressions=tuples)


def _numbered(frame: Frame, count: int) -> exp.Column:
    """Join every row with the numbers from 1 to `count`; the column that holds them."""
    level = frame.level
    name = frame.fresh("groupings")
    query: exp.Query = exp.Select(expressions=[aliased(exp.Literal.number(1), "n")])
    for number in range(2, count + 1):
        row = exp.Select(expressions=[exp.Literal.number(number)])
        query = exp.Union(this=query, expression=row, distinct=False)
    level.joins.append(exp.Join(this=as_table(query, name), kind="CROSS"))
    return column("n", name)


def _chosen(key: exp.Expr, place: int, sets: tuple[Places, ...], number: exp.Column) -> exp.Expr:
    """The key in the groupings that have it, else NULL."""
    having = [n for n, places in enumerate(sets, 1) if place in places]
    if len(having) == len(sets):
        return key
    return exp.Case(ifs=[exp.If(this=_is_one_of(number, having), true=key)])


def _is_one_of(number: exp.Column, having: list[int]) -> exp.Expr:
    numbers = [exp.Literal.number(n) for n in having]
    if len(numbers) == 1:
        return exp.EQ(this=number.copy(), expression=numbers[0])
    return exp.In(this=number.copy(), expressions=numbers)


def _answer_grouping(frame: Frame, operator: op.Aggregate, number: exp.Column | None) -> None:
    """GROUPING(key) is 0 where rows are grouped by the key, else 1: computed where the engine does not know it."""
    if isinstance(operator, AggregateSets) and number is None:
        return
    columns = frame.resolved.columns
    keys = [columns.get(id(k.unalias())) for k in operator.keys]
    for item in operator.items:
        for asked in item.find_all(exp.Grouping):
            hidden = ScopeColumn("grouping")
            value: exp.Expr = exp.Literal.number(0)
            if isinstance(operator, AggregateSets) and number is not None:
                place = keys.index(columns[id(asked.expressions[0])])
                having = [n for n, places in enumerate(operator.sets, 1) if place in places]
                value = exp.Case(ifs=[exp.If(this=_is_one_of(number, having), true=value)], default=_ONE.copy())
            frame.level.exprs[hidden] = value
            frame.hidden[id(asked)] = hidden
