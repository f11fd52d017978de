"""UNION, INTERSECT and EXCEPT, WITH and recursion: the level so far and other queries side by side."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased, column
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import Level, as_table, output_names
from pipesql.pipe.lowering.sources import named_table
from pipesql.pipe.resolving.matching import Arm
from pipesql.pipe.resolving.recursion import in_order
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.scope import Scope, ScopeColumn
from pipesql.pipe.types import REAL

_NODES: dict[str, type[exp.SetOperation]] = {"UNION": exp.Union, "INTERSECT": exp.Intersect, "EXCEPT": exp.Except}
_WITHOUT_DISTINCT = frozenset({"bigquery", "spark", "databricks"})
"""Engines whose recursion may not leave out repeated rows."""
_DIRECT = frozenset({"sqlite", "mysql"})
_WITHOUT_ALL = frozenset({"sqlite", "bigquery", "mysql"})
"""Engines that know INTERSECT and EXCEPT of different rows only."""


def combine(frame: Frame, operator: op.SetOperation, before: Scope, after: Scope) -> None:
    """A set operation; those of one kind stand in one compound query, others read from what was before."""
    resolved, node = frame.resolved, _NODES[operator.kind]
    left, *others = resolved.arms[id(operator)]
    bodies = [resolved.nested[id(query)] for query in operator.queries]
    if not operator.distinct and operator.kind != "UNION" and frame.dialect in _WITHOUT_ALL:
        for arm, body in zip(others, bodies, strict=True):
            if frame.dialect == "bigquery" and any(c.kind == REAL for c in after.columns):
                raise UnsupportedSql(
                    f"{operator.kind} ALL of FLOAT64 columns in BigQuery",
                    "GoogleSQL does not number equal rows of that type",
                )
            _combine_numbered(frame, node, (left, arm), body, before, after)
            before, left = after, after.columns
        return
    if frame.googlesql and _mixes(frame, operator):
        frame.wrap(before)
    query = _left(frame, node, before, left)
    for arm, body in zip(others, bodies, strict=True):
        query = node(this=query, expression=_right(frame, body, arm), distinct=operator.distinct)
    assert isinstance(query, exp.SetOperation)
    _become(frame, query, after.columns)


def _mixes(frame: Frame, operator: op.SetOperation | op.RecursiveUnion) -> bool:
    """Whether the level is a set operation that differs from this one in ALL or DISTINCT."""
    compound = frame.level.compound
    return compound is not None and bool(compound.args.get("distinct")) is not operator.distinct


def _become(frame: Frame, query: exp.SetOperation, columns: tuple[ScopeColumn, ...]) -> None:
    frame.level = Level(compound=query)
    for col in columns:
        frame.level.exprs[col] = column(col.name) if col.name else exp.Null()


def _left(frame: Frame, node: type[exp.SetOperation], before: Scope, arm: Arm, unique: bool = False) -> exp.Query:
    """The level so far as the first query of a set operation."""
    level = frame.level
    if level.limit is None:
        level.order.clear()
    if level.limit is not None or (level.compound is not None and type(level.compound) is not node):
        frame.wrap(before)
    columns = frame.ready(before, arm)
    if output_names(columns) != [c.name for c in columns]:
        frame.level.untouched = None  # so that names can be given to its columns
    return frame.give(before, columns, unique)


def _right(frame: Frame, body: Resolved, arm: Arm) -> exp.Query:
    """A nested query as a further query of a set operation."""
    right = frame.inner(body, arm)
    if isinstance(right, exp.SetOperation) or right.args.get("limit") or right.args.get("with_"):
        name = frame.fresh("u")
        return exp.Select(expressions=[exp.Star()], from_=exp.From(this=as_table(right, name)))
    right.set("order", None)
    return right


def _combine_numbered(
    frame: Frame, node: type[exp.SetOperation], arms: tuple[Arm, Arm], body: Resolved, before: Scope, after: Scope
) -> None:
    """INTERSECT or EXCEPT ALL as DISTINCT of rows that are numbered among their equals."""
    left = _left(frame, node, before, arms[0], unique=True)
    right = frame.inner(body, arms[1], unique=True)
    names = output_names(after.columns)
    copy = "copy"
    while copy in [n.lower() for n in names]:
        copy += "_2"
    numbered = [_numbered(frame, q, a, copy) for q, a in zip((left, right), arms, strict=True)]
    query = node(this=numbered[0], expression=numbered[1], distinct=True)
    columns = (*after.columns, ScopeColumn(copy))
    _become(frame, query, columns)
    frame.wrap(Scope(columns))
    frame.level.untouched = None


def _numbered(frame: Frame, query: exp.Query, arm: Arm, copy: str) -> exp.Query:
    """The query's rows, each with its number among those that are equal to it."""
    names = output_names(arm)
    beside = not any(query.args.get(clause) for clause in _NOT_BESIDE) and query.args.get("from_")
    if isinstance(query, exp.Select) and beside:
        items = query.selects
        if len(items) == 1 and isinstance(items[0], exp.Star) and not query.args.get("joins"):
            items = [column(n) for n in names]
        if not any(item.is_star or item.find(exp.Window, exp.AggFunc, exp.Query) for item in items):
            varying = [item.unalias().copy() for item in items if item.find(exp.Column)]
            query.set("expressions", [*items, aliased(_number(varying), copy)])
            return query
    table = frame.fresh("t")
    number = _number([column(n, table) for n in names])
    return exp.Select(expressions=[exp.Star(), aliased(number, copy)], from_=exp.From(this=as_table(query, table)))


_NOT_BESIDE = ("group", "having", "distinct", "order", "limit", "offset", "with_")
"""Clauses beside which a window function would see other rows than those that the query gives."""


def _number(keys: list[exp.Expr]) -> exp.Expr:
    return exp.Window(this=exp.RowNumber(), partition_by=keys)


def define(frame: Frame, operator: op.With) -> None:
    """WITH: its tables stand in front of the whole query."""
    for cte in in_order(operator.ctes) if operator.recursive else operator.ctes:
        table = frame.resolved.ctes[id(cte)]
        assert table.body is not None
        body = Frame(table.body, (), set(), frame.lower, frame.dialect)
        body.unique, body.avoided, body.correlated = True, frame.avoided, frame.correlated
        query = frame.lower(body)
        recursive = operator.recursive and table.lowered.lower() in {t.name.lower() for t in query.find_all(exp.Table)}
        if recursive:
            _require_known(frame, query, table.lowered)
        frame.table(table.lowered, query, recursive)


def recur(frame: Frame, operator: op.RecursiveUnion, before: Scope, after: Scope) -> None:
    """RECURSIVE UNION: a recursive table, from which the rest reads."""
    resolved = frame.resolved
    table = resolved.ctes[id(operator)]
    first, further = resolved.arms[id(operator)]
    if frame.googlesql and _mixes(frame, operator):
        frame.wrap(before)
    start = _left(frame, exp.Union, before, first, unique=True)
    step = _right(frame, resolved.nested[id(operator)], further)
    union = exp.Union(this=start, expression=step, distinct=operator.distinct)
    _require_known(frame, union, table.lowered)
    frame.table(table.lowered, union, recursive=True)
    level = frame.level = Level()
    name = level.unique(operator.alias or table.lowered, frame.taken)
    level.source = named_table(table.lowered, name)
    for col, shown in zip(after.columns, output_names(after.columns), strict=True):
        level.exprs[col] = column(shown, name)
    level.untouched = after.columns


def _require_known(frame: Frame, union: exp.Query, table: str) -> None:
    """Raise UnsupportedSql for a recursion that the engine does not know, or reads the new rows of in FROM alone."""
    if frame.dialect in _WITHOUT_DISTINCT and union.args.get("distinct"):
        raise UnsupportedSql(f"RECURSIVE UNION DISTINCT in {frame.dialect}", "it knows UNION ALL only")
    step = union.args["expression"]
    reads = [t for t in step.find_all(exp.Table) if t.name.lower() == table.lower()]
    direct = [t for t in reads if t.parent is not None and t.parent.parent is step]
    if frame.dialect in _DIRECT and (len(reads) != 1 or len(direct) != 1):
        why = f"the query that makes new rows must read {table} once, in its own FROM"
        raise UnsupportedSql(f"this recursion in {frame.dialect}", why)
