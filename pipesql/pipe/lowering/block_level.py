"""A standard query at the start of a pipe query, as the level that it is: operators after it go on from there."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.lowering import combinations, projections, sources
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.query import nested_queries
from pipesql.pipe.rebuild import is_constant
from pipesql.pipe.resolving.block import BlockCombination, BlockMeaning, BlockSelect
from pipesql.pipe.scope import Scope, ScopeColumn


def start_block(frame: Frame, query: exp.Query) -> None:
    """Make the frame's level the block, which resolution has taken apart."""
    _start(frame, frame.resolved.blocks[id(query)])


def _start(frame: Frame, meaning: BlockMeaning) -> None:
    if isinstance(meaning, BlockCombination):
        _start(frame, meaning.left)
        combinations.combine(frame, meaning.operation, meaning.before, meaning.after)
        if meaning.order:
            projections.sort(frame, meaning.order, meaning.after)
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
        projections.distinguish(frame)
        if select.order:
            projections.sort(frame, select.order, outputs)
    _cut(frame, select)


def _keys(frame: Frame, select: BlockSelect) -> list[exp.Expr]:
    """What is grouped by; a constant groups nothing beside another key, and alone would be read as a position."""
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
