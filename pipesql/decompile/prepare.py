"""What a parsed query must lose before its names are bound: constructs that are refused, or said otherwise."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql

_REFUSED: dict[type[exp.Expr], str] = {
    exp.Placeholder: "a query parameter",
    exp.Parameter: "a query parameter",
    exp.HexString: "a blob literal",
    exp.WithinGroup: "WITHIN GROUP",
}


def prepared(tree: exp.Query) -> exp.Query:
    """The query, changed in place. Raises UnsupportedSql, naming the construct."""
    for node in list(tree.find_all(exp.Filter, *_REFUSED)):
        if isinstance(node, exp.Filter):
            node.replace(_unfiltered(node))
        elif not (isinstance(node, exp.HexString) and node.args.get("is_integer")):
            raise UnsupportedSql(_REFUSED[type(node)], node.sql("sqlite"))
    return tree


def _unfiltered(node: exp.Filter) -> exp.Expr:
    """`f(x) FILTER (WHERE c)` as `f(IF(c, x, NULL))`: aggregate functions take no notice of NULL."""
    function, condition = node.this, node.expression.this
    if not isinstance(function, exp.AggFunc):
        raise UnsupportedSql("FILTER", node.sql("sqlite"))
    subject = function.this
    if isinstance(function, exp.Count) and isinstance(subject, exp.Star):
        function.set("this", _where(condition, exp.Literal.number(1)))
    elif isinstance(subject, exp.Distinct) and len(subject.expressions) == 1:
        subject.set("expressions", [_where(condition, subject.expressions[0])])
    elif isinstance(subject, exp.Order | exp.Distinct) or function.expressions:
        raise UnsupportedSql("FILTER of this aggregate", node.sql("sqlite"))
    else:
        function.set("this", _where(condition, subject))
    return function


def _where(condition: exp.Expr, value: exp.Expr) -> exp.If:
    return exp.If(this=condition, true=value, false=exp.Null())
