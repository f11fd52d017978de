"""Aggregate functions in SQLite: ANY_VALUE is a bare column there (https://sqlite.org/lang_select.html#bareagg)."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared import rules
from pipesql.pipe.engines.shared.rules import Rule, refused

_ENGINE = "SQLite"


def replace_any_value(tree: exp.Query) -> None:
    """Replace ANY_VALUE, before all other rules: it depends on the aggregates beside it."""
    nodes = list(tree.find_all(exp.AnyValue))
    aggregating = _aggregating(tree) if nodes else set()
    for node in nodes:
        node.replace(_bare(node, aggregating))


def _bare(node: exp.AnyValue, aggregating: set[int]) -> exp.Expr:
    """SQLite's bare column: any row of the group, or the row of the only MIN/MAX beside it.

    Without GROUP BY it needs another aggregate beside it, and must be NULL where there are no rows: else MAX.
    """
    inner = node.this
    select = node.find_ancestor(exp.Select)
    if not isinstance(inner, exp.HavingMax):
        if isinstance(node.parent, exp.Window) or select is None:
            return exp.Max(this=inner)
        groups = select.args.get("group") is not None
        return inner if groups or (isinstance(inner, exp.Column) and id(select) in aggregating) else exp.Max(this=inner)
    wanted = exp.Max if inner.args.get("max") else exp.Min
    extremes = set()
    for part in select.find_all(exp.Max, exp.Min) if select is not None else ():
        if part.find_ancestor(exp.Select) is select and part.find_ancestor(exp.Window) is None:
            extremes.add(part)
    if extremes != {wanted(this=inner.expression)}:
        raise refused("ANY_VALUE(… HAVING MAX|MIN …)", _ENGINE, "only beside that MAX or MIN alone")
    return inner.this


def _aggregating(tree: exp.Query) -> set[int]:
    """`id()`s of the SELECTs that show or filter by an aggregate function other than ANY_VALUE."""
    found = set()
    for function in tree.find_all(exp.AggFunc):
        if not isinstance(function, exp.AnyValue) and not isinstance(function.parent, exp.Window):
            clause = function.find_ancestor(exp.Order, exp.Select)
            if isinstance(clause, exp.Select):
                found.add(id(clause))
    return found


def _combined(node: exp.Expr) -> exp.Expr:
    if not node.args.get("distinct"):
        raise refused(f"{node.key.upper()} ALL", _ENGINE, "only DISTINCT can be computed there")
    return node


def _counted(node: exp.Expr) -> exp.Expr:
    """APPROX_COUNT_DISTINCT, exactly."""
    return exp.Count(this=exp.Distinct(expressions=[node.this]))


def _array(node: exp.Expr) -> exp.Expr:
    raise refused("ARRAY_AGG", _ENGINE)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Intersect: _combined,
    exp.Except: _combined,
    exp.Window: rules.windows(_ENGINE),
    exp.ArrayAgg: _array,
    exp.ApproxDistinct: _counted,
}
