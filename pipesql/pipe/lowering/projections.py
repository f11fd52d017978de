"""EXTEND, SELECT, SET, RENAME, DROP and ORDER BY: new columns on the level as it stands, or on a new one."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.identifiers import column
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.rebuild import is_constant, unbracketed
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
    """Give the level a FROM where GoogleSQL asks for one: behind DISTINCT, WHERE, ORDER BY and windows."""
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
    """DROP: later operators do not name the column, so that nothing else is to be done."""
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
