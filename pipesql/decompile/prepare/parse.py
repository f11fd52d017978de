"""A standard query's text to its tree, and its LIMIT to the operator."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.decompile.prepare.desugar import listed_rows
from pipesql.decompile.semantics import semantics_of
from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.older_sqlglot import compare_null_safely, group_intersect
from pipesql.pipe.scan import complaint, dialect_named, place_of, position

_ALL_ROWS = 2**63 - 1
"""GoogleSQL's OFFSET needs a LIMIT."""


def parse(sql: str, dialect: str) -> exp.Query:
    """The one query that the text is. Raises SqlSyntaxError, and UnsupportedSql for another statement."""
    engine = dialect_named(dialect)
    try:
        trees = [t for t in engine.parse(sql) if t is not None]
    except SqlglotError as e:
        at = place_of(e, sql)
        where = "" if at is None else f" ({position(sql, at)})"
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL: {complaint(e)}{where}", position=at) from e
    except (AssertionError, AttributeError, TypeError, ValueError, LookupError) as e:  # sqlglot's own slips
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL") from e
    if len(trees) != 1:
        raise SqlSyntaxError(f"one query is expected, found {len(trees)} statements")
    tree = trees[0]
    if isinstance(tree, exp.Values):
        return listed_rows(tree, semantics_of(dialect))
    if not isinstance(tree, exp.Query):
        raise UnsupportedSql(f"a {tree.key.upper()} statement", "only queries have a pipe form")
    tree = group_intersect(tree, dialect)
    if dialect == "sqlite":
        compare_null_safely(tree)
    return tree


def limit(node: exp.Expr) -> list[op.Limit]:
    """The LIMIT operator of a query, if it has one. Raises UnsupportedSql for a limit that is not a constant."""
    count, offset = node.args.get("limit"), node.args.get("offset")
    if count is None and offset is None:
        return []
    rows = _ALL_ROWS if count is None else _rows(count)
    skipped = 0 if offset is None else max(_whole(offset.expression), 0)
    if rows < 0:  # SQLite: no limit
        return [op.Limit(_ALL_ROWS, skipped)] if skipped else []
    return [op.Limit(rows, skipped)] if rows != _ALL_ROWS or skipped else []


def _rows(count: exp.Expr) -> int:
    options = count.args.get("limit_options")
    if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
        raise UnsupportedSql("a LIMIT in percent or WITH TIES")
    value = count.args["count"] if isinstance(count, exp.Fetch) else count.expression
    if isinstance(value, exp.Null | exp.Var):  # LIMIT NULL, LIMIT ALL
        return _ALL_ROWS
    return 1 if value is None else _whole(value)


def _whole(value: exp.Expr) -> int:
    """The value of a constant expression of integers."""
    match value:
        case exp.Literal() if value.is_int:
            return int(value.name)
        case exp.Paren():
            return _whole(value.this)
        case exp.Neg():
            return -_whole(value.this)
        case exp.Add():
            return _whole(value.this) + _whole(value.expression)
        case exp.Sub():
            return _whole(value.this) - _whole(value.expression)
        case exp.Mul():
            return _whole(value.this) * _whole(value.expression)
    raise UnsupportedSql("a LIMIT that is not a plain number", value.sql("sqlite"))
