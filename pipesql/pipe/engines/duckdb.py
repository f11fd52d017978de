"""DuckDB: casts, dates, LIKE, and DISTINCT over an outer join that a LIMIT cuts."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared import rules
from pipesql.pipe.engines.shared.dates import first_weekday, unit_of, week_of_year, week_start
from pipesql.pipe.engines.shared.rules import (
    Rule,
    add,
    call,
    cast,
    double_literal,
    is_real,
    kind,
    number,
    quotient,
    refused,
    rewrite,
    text,
)
from pipesql.pipe.engines.shared.texts import escaped, replace_listed, substring_start, trimmed
from pipesql.pipe.expressions import integer
from pipesql.pipe.types import DATE, INT

_ENGINE = "DuckDB"
_ROUNDED = (exp.Round, exp.Trunc, exp.Floor, exp.Ceil)


def _like(node: exp.Expr) -> exp.Expr:
    """LIKE, which has no escape character unless one is named."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
    return node if plain or isinstance(node.parent, exp.Escape) else escaped(node)


def _converted(node: exp.Expr) -> exp.Expr:
    """CAST of a FLOAT64: half goes away from zero, and 2.0 is '2'."""
    value, to = node.this, node.args["to"]
    if not is_real(value):
        return node
    if to.is_type(*exp.DataType.INTEGER_TYPES) and not isinstance(value, _ROUNDED):
        node.set("this", exp.Round(this=value))
    elif to.is_type(*exp.DataType.TEXT_TYPES):
        return call("REGEXP_REPLACE", node, text(r"\.0$"), text(""))
    return node


def _part_of_text(node: exp.Expr) -> exp.Expr:
    """SUBSTR: the place 0 is the first character, and so is one before the first."""
    if node.args.get("length") is not None:
        node.set("start", substring_start(node.this, node.args["start"]))
    return node


def _dated(node: exp.Expr) -> exp.Expr:
    """DATE_ADD, DATE_SUB and DATE_TRUNC give a TIMESTAMP here."""
    if isinstance(node, exp.DateTrunc) and first_weekday(unit_of(node)) is not None:
        return week_start(node.this, unit_of(node))
    return cast(node, "date")


def _shifted(node: exp.Expr) -> exp.Expr:
    """`date ± INTERVAL …` is a DATETIME in GoogleSQL too; a date minus a date is not a number."""
    if isinstance(node, exp.Sub) and kind(node.left) == DATE and kind(node.right) == DATE:
        raise refused("a date minus a date", _ENGINE, "use DATE_DIFF")
    if kind(node.left) == DATE and kind(node.right) == INT and integer(node.right) is None:
        node.set("expression", cast(node.right, "int"))
    return node


def _part(node: exp.Expr) -> exp.Expr:
    """EXTRACT: Sunday is day 1, and weeks start on Sunday."""
    unit = unit_of(node, "this")
    if unit == "DAYOFWEEK":
        return add(node.copy(), number(1))
    if unit == "WEEK":
        return exp.IntDiv(this=exp.Paren(this=week_of_year(node.expression, sunday=0)), expression=number(7))
    if unit == "ISOWEEK":
        node.set("this", exp.var("WEEK"))
    return node


def _any_value(node: exp.Expr) -> exp.Expr:
    """ANY_VALUE(x HAVING MAX y): ARG_MAX leaves out rows whose x is NULL."""
    having = node.this
    if not isinstance(having, exp.HavingMax):
        return node
    return call("ARG_MAX_NULL" if having.args.get("max") else "ARG_MIN_NULL", having.this, having.expression)


def _bytes(node: exp.Expr) -> exp.Expr:
    return call("STRLEN", node.this)


def _different(node: exp.Expr) -> exp.Expr:
    """DISTINCT of rows that a LIMIT has cut behind an outer join, as GROUP BY.

    For DISTINCT, DuckDB 2.0 leaves out an outer join whose columns are not shown, though the LIMIT counts its rows.
    """
    source, items = node.args.get("from_"), node.args["expressions"]
    computed = node.args.get("group") or any(item.find(exp.Window, exp.AggFunc) for item in items)
    computed = computed or not any(item.find(exp.Column, exp.Star) for item in items)  # GROUP BY ALL of nothing
    if node.args.get("distinct") is None or source is None or computed:
        return node
    below = source.this
    if below.find(exp.Limit) is not None and any(join.side for join in below.find_all(exp.Join)):
        node.set("distinct", None)
        node.set("group", exp.Group(all=True))
    return node


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: double_literal,
    exp.IntDiv: quotient,
    exp.Select: _different,
    exp.Like: _like,
    exp.Cast: _converted,
    exp.Substring: _part_of_text,
    exp.DateAdd: _dated,
    exp.DateSub: _dated,
    exp.DateTrunc: _dated,
    exp.Add: _shifted,
    exp.Sub: _shifted,
    exp.Extract: _part,
    exp.GroupConcat: rules.joined_texts(_ENGINE),
    exp.AnyValue: _any_value,
    exp.ByteLength: _bytes,
    exp.Anonymous: rules.functions(_ENGINE),
    exp.Trim: trimmed("g"),
}


def for_duckdb(tree: exp.Query) -> exp.Query:
    """The tree in DuckDB's terms, changed in place. Raises UnsupportedSql."""
    replace_listed(tree)
    return rewrite(tree, RULES)
