"""Pipe query to standard SQL: operators become clauses of one SELECT as long as that is the same, else levels.

A new level opens whenever LIMIT, DISTINCT, AGGREGATE, a window or a set operation precedes what could not run after
it in one SELECT. Names are resolved first, so that an expression is moved between levels by meaning, not by text.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.engines import write
from pipesql.pipe.located import located
from pipesql.pipe.lowering import aggregation, assertions, combinations, projections, sampling, sources
from pipesql.pipe.lowering.block_level import start_block
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import rows_apart
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.resolve import resolve_names
from pipesql.pipe.resolving.resolved import column_names, is_correlated
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope


@depth_bounded
def lower(query: PipeQuery, schema: Schema, dialect: str = "sqlite") -> str:
    """Standard SQL for an engine. Raises UnknownName or SqlError; UnsupportedSql for what the engine cannot do."""
    return write(lower_tree(query, schema, dialect), dialect)


@depth_bounded
def lower_tree(query: PipeQuery, schema: Schema, dialect: str = "") -> exp.Query:
    """The same as a sqlglot tree in GoogleSQL's terms, without what the engine `dialect`, if given, does not have.

    Raises UnknownName or SqlError; UnsupportedSql for an operator that the engine cannot do.
    """
    resolved = resolve_names(query, schema)
    frame = Frame(resolved, (), set(), _lower, dialect)
    if not frame.googlesql:
        return _lower(frame)
    frame.avoided, frame.correlated = frozenset(column_names(resolved)), is_correlated(resolved)
    return rows_apart(_lower(frame))


def _lower(frame: Frame) -> exp.Query:
    resolved = frame.resolved
    scope = Scope(())
    for frame.number, operator in enumerate(resolved.operators):
        after = resolved.scopes[frame.number]
        with located(resolved.numbers[frame.number]):
            _step(frame, operator, scope, after)
        scope = after
    return frame.finish(scope)


def _step(frame: Frame, operator: op.Operator, before: Scope, after: Scope) -> None:
    """Take one operator into the level, or close the level and take it into the next."""
    match operator:
        case op.From(source):
            sources.start(frame, source, after)
        case op.Block(standard):
            start_block(frame, standard)
        case op.Join():
            sources.join(frame, operator, before, after)
        case op.Where(condition):
            _filter(frame, condition, before)
        case op.Extend(items):
            projections.project(frame, items, False, before, after)
        case op.Select(items, distinct):
            projections.project(frame, items, distinct, before, after)
        case op.Set(assignments):
            projections.assign(frame, assignments, before, after)
        case op.Rename():
            projections.rename(frame, before, after)
        case op.Drop():
            projections.drop(frame, before)
        case op.Aggregate():
            aggregation.aggregate(frame, operator, before, after)
        case op.OrderBy(keys):
            projections.sort(frame, keys, before)
        case op.Limit(count, offset):
            assert isinstance(count, int) and isinstance(offset, int)
            if frame.level.limit is not None:
                frame.wrap(before, ordered=True)
            frame.level.limit, frame.level.offset = count, offset
        case op.Distinct():
            if frame.level.closed:
                frame.wrap(before)
            projections.from_something(frame, before)
            projections.distinguish(frame)
        case op.SetOperation():
            combinations.combine(frame, operator, before, after)
        case op.RecursiveUnion():
            combinations.recur(frame, operator, before, after)
        case op.With():
            combinations.define(frame, operator)
        case op.TableSample():
            sampling.sample(frame, operator, before)
        case op.Assert():
            assertions.check(frame, operator, before)
        case op.As():
            pass


def _filter(frame: Frame, condition: exp.Expr, before: Scope) -> None:
    """WHERE, or HAVING where the level already groups (with keys: HAVING without them is not accepted everywhere)."""
    projections.from_something(frame, before)
    windows = _outermost_windows(condition) if condition.find(exp.Window) else []
    if windows:  # a clause of its own in some engines, a column of the level below everywhere
        projections.open_for(frame, before, (condition,))
        for window in windows:
            frame.hide(window)
        frame.wrap(before)
    level = frame.level
    groups_all = level.grouped and not level.keys
    below = groups_all or frame.needs_any(level.windowed) or frame.lends_computed()
    if level.distinct or level.closed or below:
        frame.wrap(before)
    value = frame.expression(condition)
    (frame.level.having if frame.level.grouped else frame.level.where).append(value)
    frame.level.order.clear()


def _outermost_windows(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Window):
        return [node]
    return [window for child in node.iter_expressions() for window in _outermost_windows(child)]
