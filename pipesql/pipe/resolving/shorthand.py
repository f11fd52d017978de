"""Operators that are short for others, taken apart while names are resolved.

FROM with joins, WINDOW, named windows, `* REPLACE`, ordering suffixes, grouping sets, PIVOT and UNPIVOT: each
yields the plain operators that it stands for and is sent the scope after each of them, to name the columns that they
gave.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from pipesql.errors import SqlError
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased
from pipesql.pipe.query import PipeQuery, nest, nested
from pipesql.pipe.resolving.block import without_names
from pipesql.pipe.resolving.grouping import has_sets, spelt_out
from pipesql.pipe.resolving.names import Names, excepted
from pipesql.pipe.resolving.pivots import Steps, pivot, unpivot
from pipesql.pipe.scope import Scope, ScopeColumn, unknown_name


def taken_apart(operator: op.Operator, scope: Scope, names: Names) -> Steps | None:
    """The operators that this one is short for, or None if it is a plain one."""
    match operator:
        case op.From(source, joins) if joins or isinstance(source, exp.Subquery):
            return _from(operator)
        case op.Join(kind="COMMA"):
            return _each((replace(operator, kind="CROSS"),))
        case op.Join(source=exp.Subquery(this=exp.Table() | exp.Subquery())):
            return _each((replace(operator, source=_as_query(operator.source)),))
        case op.Window(items):
            return _window(items)
        case op.Extend() | op.Select() if operator.windows:
            return _each((replace(operator, items=without_names(operator.items, operator.windows), windows=()),))
        case op.Select(items) if any(_replaces(item) for item in items):
            return _replaced(operator, scope, names)
        case op.Aggregate() if has_sets(operator) or operator.and_order or operator.key_order or operator.item_order:
            return _aggregate(operator, scope, names)
        case op.Pivot():
            return pivot(operator, scope, names)
        case op.Unpivot():
            return unpivot(operator, scope, names)
    return None


def _from(operator: op.From) -> Steps | None:
    """FROM and its joins; a query in brackets without a name is the same as starting with it."""
    start, joins = _unbracketed(operator.source)
    query = nested(start.this) if isinstance(start, exp.Subquery) else None
    if start is operator.source and not operator.joins and (query is None or start.alias):
        return None
    return _each((op.From(start) if query is None or start.alias else op.Nested(query), *joins, *operator.joins))


def _each(operators: tuple[op.Operator, ...]) -> Steps:
    for operator in operators:  # noqa: UP028 (a tuple takes no answers)
        yield operator


def _unbracketed(source: exp.Expr) -> tuple[exp.Expr, tuple[op.Join, ...]]:
    """`(a JOIN b …)` as its first table and the joins behind it."""
    if not isinstance(source, exp.Subquery) or not isinstance(source.this, exp.Table | exp.Subquery):
        return source, ()
    if source.alias:
        raise SqlError(f"a join in brackets takes no name: leave {source.alias} out")
    first = source.this.copy()
    joins = tuple(_join(join) for join in source.this.args.get("joins") or ())
    first.set("joins", None)
    start, more = _unbracketed(first)
    return start, (*more, *joins)


def _join(join: exp.Join) -> op.Join:
    """sqlglot's join inside brackets as an operator."""
    on, using = join.args.get("on"), tuple(u.name for u in join.args.get("using") or ())
    return op.Join(join.side or join.kind or "", join.this, on, using, join.method == "NATURAL")


def _as_query(source: exp.Expr) -> exp.Expr:
    """A join in brackets, to the right of a JOIN, as the nested query that it is."""
    start, joins = _unbracketed(source)
    return exp.Subquery(this=nest(PipeQuery((op.From(start), *joins))))


def _window(items: tuple[exp.Expr, ...]) -> Steps:
    for item in items:
        if item.find(exp.Window) is None:
            raise SqlError(f"WINDOW takes window functions (… OVER …), not {item.sql('bigquery')}")
    yield op.Extend(items)


def _replaces(item: exp.Expr) -> bool:
    star = item.this if isinstance(item, exp.Column) else item
    return isinstance(star, exp.Star) and bool(star.args.get("replace"))


def _replaced(operator: op.Select, scope: Scope, names: Names) -> Steps:
    """`* REPLACE (…)` as the columns that it stands for."""
    items: list[exp.Expr] = []
    for item in operator.items:
        items += _columns_of(item, scope, names) if _replaces(item) else [item]
    yield replace(operator, items=tuple(items))


def _columns_of(item: exp.Expr, scope: Scope, names: Names) -> list[exp.Expr]:
    columns, star = scope.columns, item
    if isinstance(item, exp.Column):
        variable = scope.variables.get(item.table.lower())
        if variable is None:
            raise unknown_name(item.table, "table or alias", item.table, [v.name for v in scope.variables.values()])
        columns, star = variable.columns, item.this
    dropped = excepted(star, columns)
    values = {e.alias.lower(): e.unalias() for e in star.args["replace"]}
    for name in values:
        if name not in {c.name.lower() for c in columns} - dropped:
            raise unknown_name(name, "column", name, [c.name for c in columns if c.name])
    out: list[exp.Expr] = []
    for column in columns:
        lower = column.name.lower()
        if lower in values:
            out.append(aliased(values[lower].copy(), column.name))
        elif lower not in dropped:
            out.append(names.bind(column))
    return out


def _aggregate(operator: op.Aggregate, scope: Scope, names: Names) -> Steps:
    """AGGREGATE, then the ORDER BY that suffixes stand for: by keys and items in the order of the columns."""
    sets = has_sets(operator)
    if operator.and_order and sets:
        raise SqlError("GROUP AND ORDER BY takes plain keys, no ROLLUP, CUBE or GROUPING SETS")
    plain = op.Aggregate(operator.items, operator.keys)
    after = yield spelt_out(plain, scope) if sets else plain
    wanted = [
        *_wanted(operator.key_order, len(operator.keys), operator.and_order),
        *_wanted(operator.item_order, len(operator.items), False),
    ]
    if any(wanted):
        if sets and operator.key_order:
            raise SqlError("an ordering suffix in GROUP BY takes plain keys, no ROLLUP, CUBE or GROUPING SETS")
        tail = wanted[len(operator.keys) :] if sets else wanted
        columns = after.columns[len(after.columns) - len(tail) :]
        keys = [_sort_key(c, s, names) for c, s in zip(columns, tail, strict=True) if s is not None]
        yield op.OrderBy(tuple(keys))


def _wanted(written: tuple[op.Suffix | None, ...], count: int, every: bool) -> list[op.Suffix | None]:
    """The suffix of each key or item that sorts, None for the others."""
    out: list[op.Suffix | None] = []
    for suffix in written or (None,) * count:
        if suffix is not None and suffix.desc is None and not every:
            raise SqlError("NULLS FIRST or LAST needs ASC or DESC before it, except with GROUP AND ORDER BY")
        out.append(suffix or (op.Suffix() if every else None))
    return out


def _sort_key(column: ScopeColumn, suffix: op.Suffix, names: Names) -> exp.Ordered:
    """A sort key in GoogleSQL's terms, where NULL is the smallest value."""
    desc = bool(suffix.desc)
    nulls_first = not desc if suffix.nulls_first is None else suffix.nulls_first
    return exp.Ordered(this=names.bind(column), desc=desc or None, nulls_first=nulls_first)
