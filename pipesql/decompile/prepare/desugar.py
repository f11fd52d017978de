"""Constructs that are short for others, written out before names are bound; what has no pipe form is refused."""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.prepare import sqlite
from pipesql.decompile.semantics import Semantics
from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.expressions import outermost
from pipesql.pipe.identifiers import aliased, identifier

_BRACKET = "pipesql.bracket"
_ONE_ROW = "pipesql.one_row"

_REFUSED: dict[type[exp.Expr], str] = {
    exp.Placeholder: "a query parameter",
    exp.Parameter: "a query parameter",
    exp.HexString: "a blob literal",
    exp.WithinGroup: "WITHIN GROUP",
    exp.TableSample: "TABLESAMPLE",
    exp.Pivot: "PIVOT",
}

#: Looked for in one walk. Filter before Select: what a SELECT without FROM computes is judged without it.
_LOOKED_FOR = (exp.Select, exp.Subquery, exp.Filter, exp.Values, exp.Anonymous, exp.Collate, *_REFUSED)

#: Aggregate functions that ignore NULL.
_IGNORE_NULL = (
    exp.Count,
    exp.CountIf,
    exp.Sum,
    exp.Avg,
    exp.Min,
    exp.Max,
    exp.GroupConcat,
    exp.Stddev,
    exp.StddevSamp,
    exp.StddevPop,
    exp.Variance,
    exp.VariancePop,
    exp.LogicalAnd,
    exp.LogicalOr,
)


def desugar(tree: exp.Query, semantics: Semantics) -> exp.Query:
    """The query with short forms written out, changed in place. Raises UnsupportedSql, naming the construct."""
    if isinstance(tree, exp.Subquery):
        tree = _over_brackets(tree)
    for node in list(tree.find_all(*_LOOKED_FOR)):
        match node:
            case exp.Select():
                if node.args.get("windows"):
                    _spell_windows(node)
                if node.args.get("from_") is None:
                    _give_from(node)
                elif _in_brackets(node):
                    _flatten_joins(node)
            case exp.Filter():
                node.replace(_unfiltered(node))
            case exp.Subquery():
                if node.args.get("order") or node.args.get("limit") or node.args.get("offset"):
                    node.replace(_over_brackets(node))
            case exp.Values():
                _replace_rows(node, semantics)
            case exp.Anonymous():
                if node.name.upper() == "TOTAL" and len(node.expressions) == 1:
                    node.replace(_total(node))
            case exp.Collate():
                sqlite.fold_case(node, tree, semantics)
            case exp.HexString() if node.args.get("is_integer"):
                pass
            case _:
                raise UnsupportedSql(_REFUSED[type(node)], node.sql(semantics.dialect))
    return tree


def _in_brackets(node: exp.Select) -> bool:
    sources = [node.args["from_"].this, *(j.this for j in node.args.get("joins") or ())]
    return any(
        s.args.get("joins") or (isinstance(s, exp.Subquery) and isinstance(s.this, exp.Table | exp.Subquery))
        for s in sources
    )


def _unfiltered(node: exp.Filter) -> exp.Expr:
    """`f(x) FILTER (WHERE c)` as `f(IF(c, x, NULL))`: such functions ignore NULL."""
    function, condition = node.this, node.expression.this
    if not isinstance(function, _IGNORE_NULL):
        raise UnsupportedSql("FILTER", node.sql("sqlite"))
    subject = function.this
    if isinstance(function, exp.Count) and isinstance(subject, exp.Star):
        function.set("this", _where(condition, exp.Literal.number(1)))
    elif isinstance(subject, exp.Distinct) and len(subject.expressions) == 1:
        subject.set("expressions", [_where(condition, subject.expressions[0])])
    elif isinstance(subject, exp.Order):
        subject.set("this", _where(condition, subject.this))
    elif isinstance(subject, exp.Distinct | exp.Limit) or function.expressions:
        raise UnsupportedSql("FILTER of this aggregate", node.sql("sqlite"))
    else:
        function.set("this", _where(condition, subject))
    return function


def _where(condition: exp.Expr, value: exp.Expr) -> exp.If:
    return exp.If(this=condition, true=value, false=exp.Null())


def _total(node: exp.Anonymous) -> exp.Expr:
    """SQLite's `TOTAL(x)`: a sum of reals that is 0.0 for no rows (https://sqlite.org/lang_aggfunc.html#total)."""
    real = exp.Cast(this=node.expressions[0], to=exp.DataType.build("DOUBLE"))
    return exp.Coalesce(this=exp.Sum(this=real), expressions=[exp.Literal.number("0.0")])


def _spell_windows(node: exp.Select) -> None:
    """Write the windows of a WINDOW clause out where they are named."""
    named: dict[str, exp.Expr] = {}
    for window in node.args["windows"]:
        named[window.name.lower()] = _based(window, named)
    parts = [*node.expressions, *(node.args[k] for k in ("order", "qualify") if node.args.get(k) is not None)]
    for part in parts:
        for window in outermost(part, exp.Window):
            if window.args.get("alias") is not None:
                spelt = _based(window, named)
                for key in ("partition_by", "order", "spec", "alias"):
                    window.set(key, spelt.args.get(key))
    node.set("windows", None)


def _based(window: exp.Expr, named: dict[str, exp.Expr]) -> exp.Expr:
    """A window, completed by the one that it is based on."""
    out = window.copy()
    if out.args.get("alias") is None:
        return out
    base = named.get(out.alias.lower())
    if base is None:
        raise SqlSyntaxError(f"no window {out.alias} in the WINDOW clause")
    base = base.copy()
    for key in ("partition_by", "order", "spec"):
        out.set(key, out.args.get(key) or base.args.get(key))
    out.set("alias", None)
    return out


def _give_from(node: exp.Select) -> None:
    """A SELECT without FROM whose clauses or functions need rows reads one row; a sort of one row is dropped."""
    node.set("order", None)
    clauses = any(node.args.get(c) is not None for c in ("where", "group", "having", "qualify"))
    functions = (f for item in node.expressions for f in outermost(item, exp.AggFunc))
    if clauses or any(not (isinstance(f, exp.Max | exp.Min) and f.expressions) for f in functions):
        one = exp.Select(expressions=[aliased(exp.Literal.number(1), "one")])
        row = exp.Subquery(this=one, alias=exp.TableAlias(this=identifier("one_row")))
        row.meta[_ONE_ROW] = True
        node.set("from_", exp.From(this=row))


def is_one_row(node: exp.Expr) -> bool:
    """Whether a derived table is the one row that a SELECT without FROM reads."""
    return bool(node.meta.get(_ONE_ROW))


def _over_brackets(node: exp.Subquery) -> exp.Expr:
    """`(query) ORDER BY … LIMIT …` as a query over the one in brackets."""
    clauses = {key: node.args[key] for key in ("order", "limit", "offset", "with_") if node.args.get(key)}
    for key in clauses:
        node.set(key, None)
    inner: exp.Expr = node
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    if not clauses:
        return inner
    table = exp.Subquery(this=inner, alias=exp.TableAlias(this=identifier("t")))
    outer = exp.Select(expressions=[exp.Star()], from_=exp.From(this=table), **clauses)
    if isinstance(node.parent, exp.Query | exp.CTE) or node.parent is None:
        return outer
    return exp.Subquery(this=outer, alias=node.args.get("alias"))


def _replace_rows(values: exp.Values, semantics: Semantics) -> None:
    """VALUES, wherever it stands, as SELECTs joined by UNION ALL."""
    node: exp.Expr = values
    alias, parent = node.args.get("alias"), node.parent
    query: exp.Expr = listed_rows(values, semantics)
    if isinstance(parent, exp.From) and node.alias == "_values":  # sqlglot's SELECT * around the body of a CTE
        assert parent.parent is not None
        node = parent.parent
    elif isinstance(parent, exp.From | exp.Join):
        query = exp.Subquery(this=query, alias=alias)
    elif isinstance(parent, exp.In):
        parent.set("expressions", [e for e in parent.expressions if e is not node] or None)
        if parent.args.get("expressions"):
            raise UnsupportedSql("VALUES beside other values in IN")
        parent.set("query", exp.Subquery(this=query))
        return
    elif not isinstance(parent, exp.Subquery | exp.CTE | exp.SetOperation | exp.Exists):
        query = exp.Subquery(this=query)
    node.replace(query)


def listed_rows(node: exp.Values, semantics: Semantics) -> exp.Query:
    """The rows of VALUES as SELECTs; the first names the columns as the dialect does."""
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    selects = [exp.Select(expressions=list(row)) for row in rows]
    pattern, first = {"duckdb": ("col", 0), "spark": ("col", 1)}.get(semantics.dialect, ("column", 1))
    named = [aliased(value, f"{pattern}{first + i}") for i, value in enumerate(selects[0].expressions)]
    out: exp.Query = selects[0]
    out.set("expressions", named)
    for select in selects[1:]:
        out = exp.Union(this=out, expression=select, distinct=False)
    return out


def _flatten_joins(node: exp.Select) -> None:
    """Take brackets off joins where that changes nothing: first in FROM, or among inner joins only.

    Other brackets become a query of their own, marked so that the names inside stay in sight.
    """
    source, out = _unwrapped(node.args["from_"].this)
    node.args["from_"].set("this", source)
    for join in node.args.get("joins") or ():
        source, inside = _unwrapped(join.this)
        if inside and (_binds(join) or any(_binds(j) for j in inside)):
            source, inside = _as_query(source, inside), []
        on = join.args.get("on")
        if not inside:
            join.set("this", source)
            out.append(join)
            continue
        out += [exp.Join(this=source, kind="CROSS"), *inside]
        if on is not None:
            held = out[-1].args.get("on")
            out[-1].set("on", on if held is None else exp.And(this=_bracketed(held), expression=_bracketed(on)))
            out[-1].set("kind", None)
    node.set("joins", out or None)


def is_bracket(node: exp.Expr) -> bool:
    """Whether a derived table is a join in brackets, whose tables are in sight outside."""
    return bool(node.meta.get(_BRACKET))


def _as_query(source: exp.Expr, joins: list[exp.Join], alias: exp.Expr | None = None) -> exp.Subquery:
    query = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source), joins=joins)
    _flatten_joins(query)
    out = exp.Subquery(this=query, alias=alias)
    if alias is None:
        out.meta[_BRACKET] = True
    return out


def _unwrapped(source: exp.Expr) -> tuple[exp.Expr, list[exp.Join]]:
    """A source without brackets around a table or joins, and those joins."""
    joins = list(source.args.get("joins") or ())
    source.set("joins", None)
    if not (isinstance(source, exp.Subquery) and isinstance(source.this, exp.Table | exp.Subquery)):
        return source, joins
    inner, inside = _unwrapped(source.this)
    alias = source.args.get("alias")
    if alias is not None and inside:
        return _as_query(inner, inside, alias), joins
    if alias is not None:
        inner.set("alias", alias)
    return inner, [*inside, *joins]


def _binds(join: exp.Join) -> bool:
    return bool(join.side or join.method or join.args.get("using"))


def _bracketed(condition: exp.Expr) -> exp.Expr:
    return exp.Paren(this=condition) if isinstance(condition, exp.Or) else condition
