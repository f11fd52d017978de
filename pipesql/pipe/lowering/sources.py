"""FROM and JOIN: tables, nested queries and CTEs as what a level reads from."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import column, identifier
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import as_table, output_names
from pipesql.pipe.scope import Scope, ScopeColumn


def start(frame: Frame, node: exp.Expr, after: Scope) -> None:
    """FROM."""
    frame.level.source = read(frame, node)
    frame.level.untouched = after.columns


def read(frame: Frame, node: exp.Expr) -> exp.Expr:
    """A table or nested query to read from, its columns in reach."""
    source = frame.resolved.sources[id(node)]
    columns = source.columns
    written = node.alias_or_name
    apart = frame.correlated or not written
    name = frame.level.unique(written or "t", frame.taken | frame.avoided if apart else frame.taken)
    names = output_names(columns)
    if isinstance(node, exp.Subquery):
        out: exp.Expr = as_table(frame.inner(frame.resolved.nested[id(node.this)], unique=True), name)
    elif source.cte is not None:
        out = named_table(source.cte.lowered, name)
    else:
        names = [c.name for c in columns]
        out = named_table(_spelling(node, columns), name)
    for col, shown in zip(columns, names, strict=True):
        frame.level.exprs[col] = column(shown, name)
    return out


def named_table(table: str, name: str) -> exp.Table:
    """A table to read from, under a name of its own where that differs."""
    out = exp.Table(this=identifier(table))
    if name.lower() != table.lower():
        out.set("alias", exp.TableAlias(this=identifier(name)))
    return out


def _spelling(node: exp.Expr, columns: tuple[ScopeColumn, ...]) -> str:
    """A table's name as the schema spells it."""
    origin = columns[0].origin if columns else None
    return origin[0] if origin is not None else node.name


def join(frame: Frame, operator: op.Join, before: Scope, after: Scope) -> None:
    """JOIN: beside the tables of the level, if it still is nothing but tables, filters and projections."""
    level = frame.level
    computed = any(not isinstance(level.exprs[c], exp.Column) for c in before.columns if c in level.exprs)
    outer_side = operator.kind in ("RIGHT", "FULL")
    if not level.plain or level.windowed or (outer_side and (level.where or computed)) or level.source is None:
        frame.wrap(before)
    level = frame.level
    level.order.clear()
    whole = level.untouched == before.columns
    using = frame.resolved.using[id(operator)]
    written = exp.Join(this=read(frame, operator.source))
    level.untouched = after.columns if whole and not using else None
    condition = None if operator.on is None else frame.expression(operator.on)
    for name, merged in zip(using, after.columns, strict=False):
        equal = _merge(frame, name, merged, operator, before)
        condition = equal if condition is None else exp.And(this=condition, expression=equal)
    outer = operator.kind in ("LEFT", "RIGHT", "FULL")
    if outer:
        written.set("side", operator.kind)
    if condition is None and outer:  # NATURAL, without a column in common
        written.set("on", exp.true())
    elif condition is None or (not outer and isinstance(condition, exp.Boolean) and condition.this):
        written.set("kind", "CROSS")
    else:
        written.set("on", condition)
    level.joins.append(written)


def _merge(frame: Frame, name: str, merged: ScopeColumn, operator: op.Join, before: Scope) -> exp.Expr:
    """The equality that USING stands for; the merged column is COALESCEd where either side may be missing."""
    exprs = frame.level.exprs
    left = before.find(name)
    columns = frame.resolved.sources[id(operator.source)].columns
    right = next(c for c in columns if c.name.lower() == name.lower())
    left_value, right_value = exprs[left], exprs[right]
    if operator.kind == "FULL":
        exprs[merged] = exp.Coalesce(this=left_value.copy(), expressions=[right_value.copy()])
    return exp.EQ(this=left_value.copy(), expression=right_value.copy())
