"""A standard query that a pipe query starts with (`op.Block`): what is known about it, and how its clauses are read.

A block stays the SELECT that it is: its tables are FROM and JOIN, its clauses those of one `level.Level`. A set
operation is the pipe operator of that name behind its left arm. Named windows (`WINDOW w AS (…)`) are put in the places
where they are named: every engine knows the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import rebuild
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.scope import Scope, ScopeColumn

Computed = tuple[tuple[ScopeColumn, exp.Expr], ...]
"""Output columns other than a table's unchanged column, each with its expression."""


@dataclass(frozen=True)
class Relation:
    """A table of a FROM, as the operator that it would be: FROM without its joins, or JOIN."""

    operator: op.From | op.Join
    before: Scope
    after: Scope


@dataclass(frozen=True)
class BlockSelect:
    """A resolved SELECT. Numbers and aliases in `keys` and `order` have given way to what they stand for."""

    node: exp.Select
    relations: tuple[Relation, ...]
    computed: Computed
    outputs: tuple[ScopeColumn, ...]
    grouped: bool = False
    keys: tuple[exp.Expr, ...] = ()
    distinct: bool = False
    order: tuple[exp.Ordered, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class BlockCombination:
    """A resolved set operation: its left arm, and the pipe operator that the rest is."""

    left: BlockSelect | BlockCombination
    operation: op.SetOperation
    before: Scope
    after: Scope
    order: tuple[exp.Ordered, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def outputs(self) -> tuple[ScopeColumn, ...]:
        """The columns that it gives."""
        return self.after.columns


BlockMeaning = BlockSelect | BlockCombination

_ENDING = frozenset({"distinct", "order", "limit", "offset"})
_SELECT = _ENDING | {"expressions", "from_", "joins", "where", "group", "having", "qualify", "windows"}
_COMBINATION = _ENDING | {"this", "expression", "by_name", "side", "kind", "on"}
_SOURCE = frozenset({"this", "alias", "db"})
_JOIN = frozenset({"this", "side", "kind", "method", "on", "using"})


def require_known(node: exp.Expr) -> None:
    """Raise UnsupportedSql for a clause that would be passed over."""
    known = _SELECT if isinstance(node, exp.Select) else _COMBINATION if isinstance(node, exp.SetOperation) else _SOURCE
    for name, value in node.args.items():
        if value and name not in known:
            raise UnsupportedSql(f"{name.rstrip('_').upper()} in a standard query", "write it as a pipe operator")
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        raise UnsupportedSql(
            "names of columns behind a table's alias", f"{alias.name}({', '.join(c.name for c in alias.columns)})"
        )
    distinct = node.args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on"):
        raise UnsupportedSql("DISTINCT ON")


def tables(node: exp.Select) -> list[op.From | op.Join]:
    """FROM and its joins as operators, from left to right."""
    from_ = node.args.get("from_")
    if from_ is None:
        return []
    joins = [_join(j) for j in node.args.get("joins") or ()]
    out: list[op.From | op.Join] = [op.From(from_.this), *joins]
    for operator in out:
        source = operator.source
        if isinstance(source, exp.Table | exp.Subquery):
            require_known(source)
    return out


def _join(join: exp.Join) -> op.Join:
    """sqlglot's join as an operator; one without a condition is a CROSS JOIN."""
    if join.method not in ("", "NATURAL") or any(v and k not in _JOIN for k, v in join.args.items()):
        raise UnsupportedSql(f"{join.method} JOIN in a standard query")
    on, using = join.args.get("on"), tuple(u.name for u in join.args.get("using") or ())
    conditioned = on is not None or bool(using) or bool(join.method)
    if join.side and not conditioned:
        raise SqlError(f"{join.side} JOIN needs ON or USING")
    return op.Join(join.side or ("" if conditioned else "CROSS"), join.this, on, using, join.method == "NATURAL")


def combination(node: exp.SetOperation, query: PipeQuery) -> op.SetOperation:
    """The operator that a set operation is behind its left arm; `query` is its right arm."""
    return op.SetOperation(
        node.key.upper(),
        bool(node.args.get("distinct")),
        (query,),
        "BY NAME" if node.args.get("by_name") else "",
        (node.side or node.kind).upper(),
        on=tuple(c.name for c in node.args.get("on") or ()),
    )


def without_window_names(node: exp.Select) -> exp.Select:
    """A copy in which `OVER w` is written out, wherever it may stand."""
    node = node.copy()
    qualify, order = node.args.get("qualify"), node.args.get("order")
    places = [*node.expressions]
    places += [qualify.this] if qualify is not None else []
    places += [key.this for key in order.expressions] if order is not None else []
    for place, written in zip(places, without_names(tuple(places), tuple(node.args["windows"])), strict=True):
        if place is not written:
            place.replace(written)
    node.set("windows", None)
    return node


def is_empty(node: exp.Expr) -> bool:
    """Whether it is the grouping `()`."""
    return isinstance(node, exp.Tuple) and not node.expressions


def cut(node: exp.Expr) -> tuple[int | None, int]:
    """LIMIT and OFFSET. Raises SqlError for anything but a whole number."""
    values: list[int | None] = []
    for name in ("limit", "offset"):
        clause = node.args.get(name)
        value = clause.expression if clause is not None else None
        if clause is not None and not (isinstance(value, exp.Literal) and value.is_int):
            raise SqlError("LIMIT and OFFSET take whole numbers")
        values.append(int(value.name) if isinstance(value, exp.Literal) else None)
    return values[0], values[1] or 0


_CLAUSES = ("partition_by", "order", "spec")


def without_names(items: tuple[exp.Expr, ...], windows: tuple[exp.Expr, ...]) -> tuple[exp.Expr, ...]:
    """The items with `OVER w` and `OVER (w …)` written out. Raises SqlError for a name given twice or never."""
    known: dict[str, dict[str, Any]] = {}
    for window in windows:
        name = window.this.name
        if name.lower() in known:
            raise SqlError(f"two windows are called {name}: rename one")
        known[name.lower()] = _clauses(window, known)

    def written_out(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Window) or node.args.get("alias") is None:
            return None
        rest = {k: v for k, v in node.args.items() if k not in (*_CLAUSES, "alias", "this")}
        return exp.Window(this=rebuild(node.this, written_out), **rest, **_copied(_clauses(node, known)))

    return tuple(rebuild(item, written_out) if _names_window(item) else item for item in items)


def _names_window(item: exp.Expr) -> bool:
    return any(w.args.get("alias") is not None for w in item.find_all(exp.Window))


def _clauses(window: exp.Expr, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """PARTITION BY, ORDER BY and the frame, those of the window that it starts from included."""
    base = window.args.get("alias")
    clauses = {k: v for k in _CLAUSES if (v := window.args.get(k))}
    if base is None:
        return clauses
    found = known.get(base.name.lower())
    if found is None:
        raise UnknownName(f"no window {base.name} here: there are {', '.join(known) or 'none'}", base.name)
    repeated = sorted(found.keys() & clauses.keys())
    if repeated or "partition_by" in clauses:
        raise SqlError(f"a window that starts from {base.name} cannot say {(repeated or ['partition_by'])[0]} again")
    return {**found, **clauses}


def _copied(clauses: dict[str, Any]) -> dict[str, Any]:
    return {k: [v.copy() for v in value] if isinstance(value, list) else value.copy() for k, value in clauses.items()}
