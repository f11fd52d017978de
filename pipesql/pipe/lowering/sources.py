"""FROM, JOIN, set operations, WITH and recursion: what a level reads from, and queries side by side."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased, column, identifier
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import Level, as_table, output_names
from pipesql.pipe.resolving.relations import in_order
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.resolving.set_operations import Arm
from pipesql.pipe.scope import Scope, ScopeColumn
from pipesql.pipe.types import REAL


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
    """JOIN: beside the tables of the level, while that has nothing but tables, filters and projections."""
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


_NODES: dict[str, type[exp.SetOperation]] = {"UNION": exp.Union, "INTERSECT": exp.Intersect, "EXCEPT": exp.Except}
_WITHOUT_DISTINCT = frozenset({"bigquery", "spark", "databricks"})
"""Engines whose recursion may not leave out repeated rows."""
_DIRECT = frozenset({"sqlite", "mysql"})
_WITHOUT_ALL = frozenset({"sqlite", "bigquery", "mysql"})
"""Engines that have INTERSECT and EXCEPT with DISTINCT alone."""


def combine(frame: Frame, operator: op.SetOperation, before: Scope, after: Scope) -> None:
    """A set operation: those of one kind form one compound query, others read from the query before."""
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
"""Clauses beside which a window function would see rows that the query does not give."""


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
    """Raise UnsupportedSql for a recursion that the engine lacks, or that reads the new rows outside its FROM."""
    if frame.dialect in _WITHOUT_DISTINCT and union.args.get("distinct"):
        raise UnsupportedSql(f"RECURSIVE UNION DISTINCT in {frame.dialect}", "it knows UNION ALL only")
    step = union.args["expression"]
    reads = [t for t in step.find_all(exp.Table) if t.name.lower() == table.lower()]
    direct = [t for t in reads if t.parent is not None and t.parent.parent is step]
    if frame.dialect in _DIRECT and (len(reads) != 1 or len(direct) != 1):
        why = f"the query that makes new rows must read {table} once, in its own FROM"
        raise UnsupportedSql(f"this recursion in {frame.dialect}", why)
