"""EXTEND, SELECT, SET, RENAME, DROP, ORDER BY and AGGREGATE: new columns on the level as it stands, or on a new one.

Where the engine has no GROUPING SETS, every row is joined with the number of each grouping, and a key is NULL in the
rows of the groupings that do not have it.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import is_constant, unbracketed
from pipesql.pipe.identifiers import aliased, column
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import as_table
from pipesql.pipe.resolving.grouping import AggregateSets, Places
from pipesql.pipe.scope import Scope, ScopeColumn

#: Expressions that would grow beyond this many nodes read from a level of their own: substitution can double them.
_HEAVIEST = 200
#: Engines substitute as well, when they plan the query.
_TOO_HEAVY = 20_000


def project(frame: Frame, items: tuple[exp.Expr, ...], distinct: bool, before: Scope, after: Scope) -> None:
    """EXTEND or SELECT; `distinct` for SELECT DISTINCT."""
    open_for(frame, before, items)
    if distinct and frame.level.limit is not None:
        frame.wrap(before)
    if distinct:
        from_something(frame, before)
    stars = frame.resolved.stars
    width = sum(len(stars.get(id(item), (None,))) for item in items)
    new = iter(after.columns[len(after.columns) - width :])
    for item in items:
        starred = stars.get(id(item))
        if starred is None:
            _define(frame, next(new), item.unalias())
            continue
        for _ in starred:
            next(new)
    if distinct:
        distinguish(frame)


def distinguish(frame: Frame) -> None:
    """From here on the level gives one of each row, in no order."""
    frame.level.order.clear()
    frame.level.distinct = True


def from_something(frame: Frame, before: Scope) -> None:
    """Give the level a FROM where GoogleSQL needs one: behind DISTINCT, WHERE, ORDER BY and windows."""
    if frame.googlesql and frame.level.source is None and frame.level.compound is None:
        frame.wrap(before)


def assign(frame: Frame, assignments: tuple[tuple[str, exp.Expr], ...], before: Scope, after: Scope) -> None:
    """SET."""
    open_for(frame, before, tuple(value for _, value in assignments))
    for name, value in assignments:
        _define(frame, after.columns[before.columns.index(before.find(name))], value)


def rename(frame: Frame, before: Scope, after: Scope) -> None:
    """RENAME."""
    open_for(frame, before, ())
    level = frame.level
    for old, new in zip(before.columns, after.columns, strict=True):
        if new is not old:
            level.exprs[new] = level.exprs[old]
            if old in level.windowed:
                level.windowed.add(new)


def drop(frame: Frame, before: Scope) -> None:
    """DROP: later operators do not name the column, so there is nothing else to do."""
    open_for(frame, before, ())


def open_for(frame: Frame, before: Scope, values: tuple[exp.Expr, ...]) -> None:
    """Make the level ready for new expressions: after DISTINCT, a set operation, or windows on top of windows."""
    windows = any(v.find(exp.Window) for v in values)
    if windows:
        from_something(frame, before)
    level = frame.level
    on_windows = frame.names_any(level.windowed)
    if (
        level.distinct
        or frame.lends_computed()
        or level.compound is not None
        or (windows and (level.limit is not None or on_windows))
        or (frame.weights and sum(_weigh(frame, v, here=True) for v in values) > _HEAVIEST)
    ):
        frame.wrap(before, ordered=True)


def _define(frame: Frame, new: ScopeColumn, value: exp.Expr) -> None:
    """Give a column of the next scope its expression on this level."""
    level, columns = frame.level, frame.resolved.columns
    value = unbracketed(value)
    if columns.get(id(value)) is new:
        return
    level.exprs[new] = frame.expression(value)
    if not isinstance(value, exp.Column | exp.Literal):
        frame.weights[new] = _weigh(frame, value, here=False)
        if frame.weights[new] > _TOO_HEAVY:
            raise UnsupportedSql("an expression that repeats itself thousands of times", new.name)
    if value.find(exp.Window) or any(columns.get(id(c)) in level.windowed for c in value.find_all(exp.Column)):
        level.windowed.add(new)


def _weigh(frame: Frame, value: exp.Expr, here: bool) -> int:
    """About how many nodes the expression has once columns have given way to what they stand for, `here` or at all."""
    weights, columns, exprs = frame.weights, frame.resolved.columns, frame.level.exprs
    total = 0
    for node in value.walk():
        col = columns.get(id(node)) if isinstance(node, exp.Column) else None
        inlined = col is not None and not (here and isinstance(exprs.get(col), exp.Column))
        total += weights.get(col, 1) if col is not None and inlined else 1
    return total


def sort(frame: Frame, keys: tuple[exp.Expr, ...], before: Scope) -> None:
    """ORDER BY: behind DISTINCT and set operations only by columns that can be named."""
    from_something(frame, before)
    level = frame.level
    bare = [frame.resolved.columns.get(id(k.this)) for k in keys]
    simple = all(c in before.columns for c in bare)
    if level.compound is not None:
        names = [c.name.lower() for c in before.columns]
        simple = simple and all(c and c.name and names.count(c.name.lower()) == 1 for c in bare)
    on_windows = frame.names_any(level.windowed) and any(k.find(exp.Window) for k in keys)
    below = on_windows or frame.lends_computed()
    if level.limit is not None or below or ((level.distinct or level.compound is not None) and not simple):
        frame.wrap(before)
    level = frame.level
    if level.compound is not None:
        values: list[exp.Expr] = [column(c.name) for c in bare if c]
    else:
        values = [frame.expression(k.this) for k in keys]
    level.order = [
        (exp.Ordered(**{**key.args, "this": value}), col)
        for key, value, col in zip(keys, values, bare, strict=True)
        if level.compound is not None or not is_constant(value)
    ]


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
        for call in item.find_all(exp.Grouping):
            hidden = ScopeColumn("grouping")
            value: exp.Expr = exp.Literal.number(0)
            if isinstance(operator, AggregateSets) and number is not None:
                place = keys.index(columns[id(call.expressions[0])])
                having = [n for n, places in enumerate(operator.sets, 1) if place in places]
                value = exp.Case(ifs=[exp.If(this=_is_one_of(number, having), true=value)], default=_ONE.copy())
            frame.level.exprs[hidden] = value
            frame.hidden[id(call)] = hidden
