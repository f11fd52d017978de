"""GROUP BY: the groupings that ROLLUP, CUBE and GROUPING SETS stand for, and what a SELECT that groups may show.

A grouping is a choice of the keys. Beside aggregates a SELECT shows what it groups by: nothing else has one value a
group.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from pipesql.errors import SqlError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import rebuild, unbracketed
from pipesql.pipe.resolving.block import BlockSelect, Computed
from pipesql.pipe.resolving.names import own_aggregate
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.scope import Scope, ScopeColumn

_KINDS = (exp.Rollup, exp.Cube, exp.GroupingSets)
_MOST = 1024

Places = tuple[int, ...]
"""Keys by their places among all keys."""


@dataclass(frozen=True)
class AggregateSets(op.Aggregate):
    """AGGREGATE over several groupings. `keys` are plain; `sets` says which of them each grouping has.

    `spelling` is ROLLUP or CUBE where that, over all keys in their order, is what the sets are.
    """

    sets: tuple[Places, ...] = ()
    spelling: str = ""


def has_sets(operator: op.Aggregate) -> bool:
    """Whether it groups by anything but all its keys."""
    return any(isinstance(key, _KINDS) or _is_empty(key) for key in operator.keys)


def spelt_out(operator: op.Aggregate, scope: Scope) -> op.Aggregate:
    """The operator with plain keys. Raises SqlError for what GoogleSQL does not allow as a grouping."""
    if len(operator.keys) == 1 and _is_empty(operator.keys[0]):
        return op.Aggregate(operator.items)
    if any(_is_empty(key) for key in operator.keys):
        raise SqlError("GROUP BY () stands alone: the empty grouping beside others is one of GROUPING SETS")
    keys = _Keys(scope)
    factors = [keys.sets(key) for key in operator.keys]
    count = 1
    for factor in factors:
        count *= len(factor)
    if count > _MOST:
        raise UnsupportedSql(f"{count} groupings in one GROUP BY", f"at most {_MOST}")
    sets = tuple(tuple(sorted({k for part in parts for k in part})) for parts in itertools.product(*factors))
    spelling = ""
    only = operator.keys[0]
    if len(operator.keys) == 1 and isinstance(only, exp.Rollup | exp.Cube):
        spelling = only.key.upper() if len(only.expressions) == len(keys.nodes) else ""
    return AggregateSets(operator.items, tuple(keys.nodes), sets=sets, spelling=spelling)


class _Keys:
    """The different keys met so far, and the groupings of a part of GROUP BY."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.nodes: list[exp.Expr] = []
        self.columns: dict[ScopeColumn, int] = {}

    def sets(self, key: exp.Expr) -> list[Places]:
        """The groupings that one key, or one element of GROUPING SETS, stands for."""
        match key:
            case exp.Rollup():
                parts = [self.together(e) for e in key.expressions]
                return [_union(parts[:end]) for end in range(len(parts), -1, -1)]
            case exp.Cube():
                parts = [self.together(e) for e in key.expressions]
                if 2 ** len(parts) > _MOST:
                    raise UnsupportedSql(f"CUBE of {len(parts)} keys", f"at most {_MOST} groupings")
                chosen = [c for n in range(len(parts), -1, -1) for c in itertools.combinations(parts, n)]
                return [_union(list(c)) for c in chosen]
            case exp.GroupingSets():
                return [one for e in key.expressions for one in self.sets(_unnamed(e))]
        if _is_empty(key):
            return [()]
        if isinstance(key, exp.Tuple):
            return [self.together(key)]
        return [(self.place(key),)]

    def together(self, node: exp.Expr) -> Places:
        """One key, or several in brackets that count as one."""
        parts = node.expressions if isinstance(node, exp.Tuple) else [node]
        return tuple(self.place(_unnamed(part)) for part in parts)

    def place(self, node: exp.Expr) -> int:
        """The place of a key, which is noted the first time that it is met."""
        bare = unbracketed(node)
        if isinstance(bare, exp.Column):
            column = self.scope.find(bare.name, bare.table)
            if column not in self.columns:
                self.columns[column] = len(self.nodes)
                self.nodes.append(bare.copy())
            return self.columns[column]
        if isinstance(node, _KINDS) or not isinstance(node, exp.Alias):
            raise SqlError(
                f"{node.sql('bigquery')} beside or inside ROLLUP, CUBE or GROUPING SETS needs a name: EXTEND"
            )
        self.nodes.append(node.copy())
        return len(self.nodes) - 1


def require_grouped_by(operator: op.Aggregate, out: Resolved) -> None:
    """Raise SqlError where the argument of GROUPING is not a key."""
    keys = {out.columns[id(k)] for k in (key.unalias() for key in operator.keys) if isinstance(k, exp.Column)}
    for item in operator.items:
        for call in item.find_all(exp.Grouping):
            if len(call.expressions) != 1 or out.columns.get(id(call.expressions[0])) not in keys:
                raise SqlError(f"{call.sql('bigquery')} takes a key of GROUP BY")


def _unnamed(key: exp.Expr) -> exp.Expr:
    if isinstance(key, exp.Alias):
        raise SqlError(f"{key.sql('bigquery')} inside ROLLUP, CUBE or GROUPING SETS takes no name: EXTEND first")
    return key


def _is_empty(key: exp.Expr) -> bool:
    return isinstance(key, exp.Tuple) and not key.expressions


def _union(parts: list[Places]) -> Places:
    return tuple(dict.fromkeys(place for part in parts for place in part))


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
