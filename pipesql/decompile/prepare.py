"""What a parsed query must lose before its names are bound: constructs that are refused, or said otherwise."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.scan import dialect_named, first_line

_REFUSED: dict[type[exp.Expr], str] = {
    exp.Placeholder: "a query parameter",
    exp.Parameter: "a query parameter",
    exp.HexString: "a blob literal",
    exp.WithinGroup: "WITHIN GROUP",
}


def parsed(sql: str, dialect: str) -> exp.Query:
    """The one query that the text is. Raises SqlSyntaxError, and UnsupportedSql for another statement."""
    engine = dialect_named(dialect)
    try:
        trees = [t for t in engine.parse(sql) if t is not None]
    except SqlglotError as e:
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL: {first_line(e)}") from e
    except (AttributeError, TypeError, ValueError, IndexError) as e:  # sqlglot's own slips on odd token runs
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL") from e
    if len(trees) != 1:
        raise SqlSyntaxError(f"one query is expected, found {len(trees)} statements")
    tree = trees[0]
    if not isinstance(tree, exp.Query):
        raise UnsupportedSql(f"a {tree.key.upper()} statement", "only queries have a pipe form")
    return tree


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
