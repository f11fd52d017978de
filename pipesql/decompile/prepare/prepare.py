"""What a parsed query must lose before its names are bound: constructs that are refused, or said otherwise."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.decompile.dialects import collation
from pipesql.decompile.habits import Habits, habits_of
from pipesql.decompile.prepare import sugar
from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.scan import dialect_named, first_line

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


def parsed(sql: str, dialect: str) -> exp.Query:
    """The one query that the text is. Raises SqlSyntaxError, and UnsupportedSql for another statement."""
    engine = dialect_named(dialect)
    try:
        trees = [t for t in engine.parse(sql) if t is not None]
    except SqlglotError as e:
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL: {first_line(e)}") from e
    except (AssertionError, AttributeError, TypeError, ValueError, LookupError) as e:  # sqlglot's own slips
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL") from e
    if len(trees) != 1:
        raise SqlSyntaxError(f"one query is expected, found {len(trees)} statements")
    tree = trees[0]
    if isinstance(tree, exp.Values):
        return sugar.listed_rows(tree, habits_of(dialect))
    if not isinstance(tree, exp.Query):
        raise UnsupportedSql(f"a {tree.key.upper()} statement", "only queries have a pipe form")
    return tree


def prepared(tree: exp.Query, habits: Habits) -> exp.Query:
    """The query, changed in place. Raises UnsupportedSql, naming the construct."""
    if isinstance(tree, exp.Subquery):
        tree = sugar.over_brackets(tree)
    for node in list(tree.find_all(*_LOOKED_FOR)):
        match node:
            case exp.Select():
                if node.args.get("windows"):
                    sugar.spell_windows(node)
                if node.args.get("from_") is None:
                    sugar.give_from(node)
                elif _in_brackets(node):
                    sugar.flatten_joins(node)
            case exp.Filter():
                node.replace(sugar.unfiltered(node))
            case exp.Subquery():
                if node.args.get("order") or node.args.get("limit") or node.args.get("offset"):
                    node.replace(sugar.over_brackets(node))
            case exp.Values():
                sugar.replace_rows(node, habits)
            case exp.Anonymous():
                if node.name.upper() == "TOTAL" and len(node.expressions) == 1:
                    node.replace(sugar.total(node))
            case exp.Collate():
                collation.fold(node, tree, habits)
            case exp.HexString() if node.args.get("is_integer"):
                pass
            case _:
                raise UnsupportedSql(_REFUSED[type(node)], node.sql(habits.dialect))
    return tree


def _in_brackets(node: exp.Select) -> bool:
    sources = [node.args["from_"].this, *(j.this for j in node.args.get("joins") or ())]
    return any(
        s.args.get("joins") or (isinstance(s, exp.Subquery) and isinstance(s.this, exp.Table | exp.Subquery))
        for s in sources
    )
