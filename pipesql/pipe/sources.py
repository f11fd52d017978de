"""FROM and JOIN: tables, nested queries and CTEs as what a level reads from."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.frame import Frame
from pipesql.pipe.identifiers import column, identifier
from pipesql.pipe.level import as_table, output_names, renamed
from pipesql.pipe.scope import Scope, ScopeColumn


def start(frame: Frame, node: exp.Expr, after: Scope) -> None:
    """FROM."""
    frame.level.source = read(frame, node, after)
    frame.level.untouched = after.columns


def read(frame: Frame, node: exp.Expr, after: Scope) -> exp.Expr:
    """A table or nested query to read from; `after` holds its columns under its range variable."""
    level = frame.level
    written = node.alias_or_name or "t"
    name = level.unique(written, frame.taken)
    variable = after.variables.get(written.lower())
    columns = variable.columns if variable is not None else after.columns
    if isinstance(node, exp.Subquery):
        names = output_names(columns)
        inner = frame.inner(frame.resolved.nested[id(node.this)])
        out: exp.Expr = as_table(renamed(inner, columns, names), name)
    else:
        names = [c.name for c in columns]
        out = exp.Table(this=identifier(_spelling(node, columns)))
        if name.lower() != out.name.lower():
            out.set("alias", exp.TableAlias(this=identifier(name)))
    for col, shown in zip(columns, names, strict=True):
        level.exprs[col] = column(shown, name)
    return out


def _spelling(node: exp.Expr, columns: tuple[ScopeColumn, ...]) -> str:
    """A table's name as the schema spells it; a CTE's as it was written."""
    origin = columns[0].origin if columns else None
    return origin[0] if origin is not None and origin[0].lower() == node.name.lower() else node.name


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
    written = exp.Join(this=read(frame, operator.source, after))
    level.untouched = after.columns if whole and not operator.using else None
    condition = None if operator.on is None else frame.expression(operator.on)
    for name, merged in zip(operator.using, after.columns, strict=False):
        equal = _merge(frame, name, merged, operator, before, after)
        condition = equal if condition is None else exp.And(this=condition, expression=equal)
    if operator.kind in ("LEFT", "RIGHT", "FULL"):
        written.set("side", operator.kind)
    if condition is None:
        written.set("kind", "CROSS")
    else:
        written.set("on", condition)
    level.joins.append(written)


def _merge(
    frame: Frame, name: str, merged: ScopeColumn, operator: op.Join, before: Scope, after: Scope
) -> exp.Expr:
    """The equality that USING stands for; the merged column is COALESCEd where either side may be missing."""
    exprs = frame.level.exprs
    left = before.find(name)
    variable = after.variables[operator.source.alias_or_name.lower()]
    right = next(c for c in variable.columns if c.name.lower() == name.lower())
    left_value, right_value = exprs[left], exprs[right]
    if operator.kind == "FULL":
        exprs[merged] = exp.Coalesce(this=left_value.copy(), expressions=[right_value.copy()])
    return exp.EQ(this=left_value.copy(), expression=right_value.copy())
