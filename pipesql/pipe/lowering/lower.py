"""Pipe query to standard SQL: operators become clauses of one SELECT while that gives the same rows, then of another.

A level closes where LIMIT, DISTINCT, AGGREGATE, a window or a set operation comes before what one SELECT would run
first. Names are resolved before, so an expression is moved between levels by meaning, not by text. A standard query at
the start of a pipe query is taken as the level that it is; the operators after it continue from there.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import AtOperator, UnsupportedSql, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.engines import write
from pipesql.pipe.expressions import is_constant
from pipesql.pipe.lowering import columns, googlesql, sources
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import rows_apart
from pipesql.pipe.query import PipeQuery, nested_queries
from pipesql.pipe.resolving.block import BlockCombination, BlockMeaning, BlockSelect
from pipesql.pipe.resolving.resolve import resolve_names
from pipesql.pipe.resolving.resolved import column_names, is_correlated
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn


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
        with AtOperator(resolved.numbers[frame.number]):
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
            columns.project(frame, items, False, before, after)
        case op.Select(items, distinct):
            columns.project(frame, items, distinct, before, after)
        case op.Set(assignments):
            columns.assign(frame, assignments, before, after)
        case op.Rename():
            columns.rename(frame, before, after)
        case op.Drop():
            columns.drop(frame, before)
        case op.Aggregate():
            columns.aggregate(frame, operator, before, after)
        case op.OrderBy(keys):
            columns.sort(frame, keys, before)
        case op.Limit(count, offset):
            assert isinstance(count, int) and isinstance(offset, int)
            if frame.level.limit is not None:
                frame.wrap(before, ordered=True)
            frame.level.limit, frame.level.offset = count, offset
        case op.Distinct():
            if frame.level.closed:
                frame.wrap(before)
            columns.from_something(frame, before)
            columns.distinguish(frame)
        case op.SetOperation():
            sources.combine(frame, operator, before, after)
        case op.RecursiveUnion():
            sources.recur(frame, operator, before, after)
        case op.With():
            sources.define(frame, operator)
        case op.TableSample():
            googlesql.sample(frame, operator, before)
        case op.Assert():
            googlesql.check(frame, operator, before)
        case op.As():
            pass


def _filter(frame: Frame, condition: exp.Expr, before: Scope) -> None:
    """WHERE, or HAVING where the level already groups (with keys: HAVING without them is not accepted everywhere)."""
    columns.from_something(frame, before)
    windows = _outermost_windows(condition) if condition.find(exp.Window) else []
    if windows:  # a clause of its own in some engines, a column of the level below everywhere
        columns.open_for(frame, before, (condition,))
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


def start_block(frame: Frame, query: exp.Query) -> None:
    """Make the block, as resolution understood it, the frame's level."""
    _start(frame, frame.resolved.blocks[id(query)])


def _start(frame: Frame, meaning: BlockMeaning) -> None:
    if isinstance(meaning, BlockCombination):
        _start(frame, meaning.left)
        sources.combine(frame, meaning.operation, meaning.before, meaning.after)
        if meaning.order:
            columns.sort(frame, meaning.order, meaning.after)
        _cut(frame, meaning)
    else:
        _select(frame, meaning)


def _cut(frame: Frame, meaning: BlockMeaning) -> None:
    if meaning.limit is not None:
        frame.level.limit, frame.level.offset = meaning.limit, meaning.offset


def _select(frame: Frame, select: BlockSelect) -> None:
    """FROM, WHERE, GROUP BY, HAVING, the outputs, QUALIFY, DISTINCT, ORDER BY, LIMIT."""
    for relation in select.relations:
        if isinstance(relation.operator, op.From):
            sources.start(frame, relation.operator.source, relation.after)
        else:
            sources.join(frame, relation.operator, relation.before, relation.after)
    level, clauses = frame.level, select.node.args
    if clauses.get("where") is not None:
        level.where.append(frame.expression(clauses["where"].this))
    if select.grouped:
        level.grouped, level.keys, level.untouched = True, _keys(frame, select), None
    for col, value in select.computed:
        level.exprs[col] = frame.expression(value)
        if value.find(exp.Window):
            level.windowed.add(col)
    outputs = Scope(select.outputs)
    conditions = [_late(frame, clauses[c].this) for c in ("having", "qualify") if clauses.get(c) is not None]
    if clauses.get("having") is not None and level.keys:
        level.having.append(conditions.pop(0))
    keys = [] if select.distinct else _sort_keys(frame, select)
    hidden = [ScopeColumn("condition") for _ in conditions]
    level.exprs = {c: level.exprs[c] for c in outputs.columns} | dict(zip(hidden, conditions, strict=True))
    level.order = keys
    if hidden:  # QUALIFY, or HAVING of all rows: no clause of every engine
        frame.resolved.uses[frame.number] |= set(hidden)
        frame.wrap(outputs, ordered=True)
        frame.level.where = [frame.level.exprs.pop(c) for c in hidden]
    if select.distinct:
        columns.distinguish(frame)
        if select.order:
            columns.sort(frame, select.order, outputs)
    _cut(frame, select)


def _keys(frame: Frame, select: BlockSelect) -> list[exp.Expr]:
    """The GROUP BY keys, without constants: they group nothing, and an engine would read one alone as a position."""
    keys = [frame.expression(k) for k in select.keys]
    varying = [k for k in keys if k.find(exp.Column)]
    if keys and not varying:
        raise UnsupportedSql("GROUP BY of constants alone", "group by a column")
    return varying


def _late(frame: Frame, node: exp.Expr) -> exp.Expr:
    """An expression that sees aliases, which may be aggregates: those cannot move into a nested query."""
    exprs = frame.level.exprs
    for leaf, _ in nested_queries(node):
        for col in frame.resolved.nested[id(leaf)].outer:
            if col in exprs and exprs[col].find(exp.AggFunc, exp.Window):
                raise UnsupportedSql("a nested query that names an aggregate of the SELECT around it", col.name)
    return frame.expression(node)


def _sort_keys(frame: Frame, select: BlockSelect) -> list[tuple[exp.Ordered, ScopeColumn | None]]:
    keys: list[tuple[exp.Ordered, ScopeColumn | None]] = []
    for key in select.order:
        value = _late(frame, key.this)
        if not is_constant(value):
            col = frame.resolved.columns.get(id(key.this))
            keys.append((exp.Ordered(**{**key.args, "this": value}), col if col in select.outputs else None))
    return keys
