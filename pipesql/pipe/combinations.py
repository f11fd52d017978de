"""UNION, INTERSECT and EXCEPT: the level so far and nested queries side by side."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.frame import Frame
from pipesql.pipe.identifiers import column
from pipesql.pipe.level import Level, as_table
from pipesql.pipe.scope import Scope

_NODES: dict[str, type[exp.SetOperation]] = {"UNION": exp.Union, "INTERSECT": exp.Intersect, "EXCEPT": exp.Except}


def combine(frame: Frame, operator: op.SetOperation, before: Scope, after: Scope) -> None:
    """A set operation; those of one kind stand in one compound query, others read from what was before."""
    level, node = frame.level, _NODES[operator.kind]
    if level.order and level.limit is None:
        level.order.clear()
    if level.limit is not None or (level.compound is not None and type(level.compound) is not node):
        frame.wrap(before)
    if needs_projection(frame, before):
        frame.wrap(before)
    left = frame.level.select(before.columns)
    for query in operator.queries:
        right = frame.inner(frame.resolved.nested[id(query)])
        if isinstance(right, exp.SetOperation) or right.args.get("limit") or right.args.get("with_"):
            name = frame.level.unique("u", frame.taken)
            right = exp.Select(expressions=[exp.Star()], from_=exp.From(this=as_table(right, name)))
        right.set("order", None)
        left = node(this=left, expression=right, distinct=operator.distinct)
    assert isinstance(left, exp.SetOperation)
    frame.level = Level(compound=left)
    for col in after.columns:
        frame.level.exprs[col] = column(col.name) if col.name else exp.Null()


def needs_projection(frame: Frame, scope: Scope) -> bool:
    """Whether the level is a set operation whose columns have since been renamed, dropped or reordered."""
    return frame.level.compound is not None and list(scope.columns) != list(frame.level.exprs)
