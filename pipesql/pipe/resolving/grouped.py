"""A SELECT that groups shows what it groups by, and aggregates: nothing else has one value a group."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pipesql.errors import SqlError
from pipesql.pipe.rebuild import rebuild, unbracketed
from pipesql.pipe.resolving.block import BlockSelect, Computed
from pipesql.pipe.resolving.resolved import Resolved, own_aggregate
from pipesql.pipe.scope import Scope, ScopeColumn


def own_aggregates(node: exp.Expr) -> list[exp.AggFunc]:
    """The aggregate functions of an expression that are not a window's own function."""
    return [a for a in node.find_all(exp.AggFunc) if own_aggregate(a)]


def require_grouped(select: BlockSelect, scope: Scope, out: Resolved) -> None:
    """Raise SqlError for a column of a table (`scope` is what FROM gives) that is neither grouped nor aggregated."""
    keys = [unbracketed(k) for k in select.keys]
    whole = {_meaning(k, out) for k in keys}
    grouped = {out.columns[id(k)] for k in keys if isinstance(k, exp.Column)}
    own = set(scope.columns).union(*(v.columns for v in scope.variables.values())) - grouped
    shown = [c for c in select.outputs if c in own]
    values = [value for _, value in select.computed] + [key.this for key in select.order]
    for value in values:
        if _meaning(unbracketed(value), out) not in whole:
            shown += [c for c in _beside_aggregates(value, out) if c in own]
    for clause in ("having", "qualify"):
        if select.node.args.get(clause) is not None:
            shown += [c for c in _beside_aggregates(select.node.args[clause].this, out) if c in own]
    if shown:
        raise SqlError(f"{shown[0].name} is neither grouped nor aggregated: add it to GROUP BY, or use ANY_VALUE")


def require_flat(node: exp.Expr, computed: Computed, out: Resolved, where: str) -> None:
    """Raise SqlError for an aggregate of an alias that is an aggregate, or a window of one that is a window."""
    values = dict(computed)
    for function in node.find_all(exp.AggFunc, exp.Window):
        windowed = isinstance(function, exp.Window)
        if not windowed and not own_aggregate(function):
            continue
        for column in function.find_all(exp.Column):
            value = values.get(out.columns[id(column)])
            if value is not None and (value.find(exp.Window) or (not windowed and own_aggregates(value))):
                raise SqlError(f"{column.name} in {where} is an aggregate or a window already")


def _beside_aggregates(node: exp.Expr, out: Resolved) -> Iterator[ScopeColumn]:
    """The columns that an expression, its nested queries included, names outside its own aggregate functions."""
    if isinstance(node, exp.AggFunc) and own_aggregate(node):
        return
    if isinstance(node, exp.Column):
        yield out.columns[id(node)]
    elif isinstance(node, exp.Placeholder):
        yield from out.nested[id(node)].outer
    else:
        for child in node.iter_expressions():
            yield from _beside_aggregates(child, out)


def _meaning(node: exp.Expr, out: Resolved) -> exp.Expr:
    """The expression with columns known by identity, to compare by structure."""

    def named(part: exp.Expr) -> exp.Expr | None:
        return exp.column(f"{id(out.columns[id(part)])}") if isinstance(part, exp.Column) else None

    return rebuild(node, named)
