"""Spark SQL, from version 4: casts, dates, and aggregates without NULLs."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared import rules
from pipesql.pipe.engines.shared.dates import day_of, first_weekday, months_between, unit_of, week_of_year, week_start
from pipesql.pipe.engines.shared.rules import (
    Rule,
    call,
    cast,
    double_literal,
    is_real,
    number,
    quotient,
    refused,
    rewrite,
)
from pipesql.pipe.engines.shared.texts import null_if_any_is, replace_listed, substring_start, trimmed
from pipesql.pipe.expressions import integer

_ENGINE = "Spark"
_ROUNDED = (exp.Round, exp.Trunc, exp.Floor, exp.Ceil)


def _converted(node: exp.Expr) -> exp.Expr:
    """CAST of a FLOAT64: half goes away from zero; its digits are written in another way."""
    value, to = node.this, node.args["to"]
    if is_real(value) and to.is_type(*exp.DataType.TEXT_TYPES):
        raise refused("CAST of a FLOAT64 AS STRING", _ENGINE)
    if is_real(value) and to.is_type(*exp.DataType.INTEGER_TYPES) and not isinstance(value, _ROUNDED):
        node.set("this", exp.Round(this=value))
    return node


def _part_of_text(node: exp.Expr) -> exp.Expr:
    """SUBSTR: a place before the first character is the first."""
    if node.args.get("length") is not None:
        node.set("start", substring_start(node.this, node.args["start"]))
    return node


def _bytes(node: exp.Expr) -> exp.Expr:
    return call("OCTET_LENGTH", node.this)


def _moved(node: exp.Expr) -> exp.Expr:
    """DATE_ADD and DATE_SUB count in INT."""
    if integer(node.expression) is None:
        node.set("expression", cast(node.expression, "int"))
    return node


def _truncated(node: exp.Expr) -> exp.Expr:
    """DATE_TRUNC."""
    unit = unit_of(node)
    if first_weekday(unit) is not None:
        return week_start(node.this, unit)
    return day_of(node.this) if unit == "DAY" else node


def _difference(node: exp.Expr) -> exp.Expr:
    """DATE_DIFF: how many beginnings of the unit lie between; Spark counts whole months."""
    unit, late, early = unit_of(node), node.this, node.expression
    if first_weekday(unit) is not None:
        days = call("DATEDIFF", week_start(late, unit), week_start(early, unit))
        return exp.IntDiv(this=days, expression=number(7))
    return call("DATEDIFF", late, early) if unit == "DAY" else months_between(late, early, unit, _ENGINE)


def _part(node: exp.Expr) -> exp.Expr:
    """EXTRACT: weeks start on Sunday, which is day 1 here as well."""
    unit = unit_of(node, "this")
    if unit == "WEEK":
        return exp.IntDiv(this=exp.Paren(this=week_of_year(node.expression, sunday=1)), expression=number(7))
    spark = {"DAYOFYEAR": "DOY", "ISOWEEK": "WEEK", "ISOYEAR": "YEAROFWEEK"}.get(unit)
    if spark is not None:
        node.set("this", exp.var(spark))
    return node


def _formatted(node: exp.Expr) -> exp.Expr:
    """FORMAT_DATE."""
    if "%j" in node.text("format"):
        raise refused("%j in a date's format", _ENGINE, "use EXTRACT(DAYOFYEAR FROM …)")
    return node


def _any_value(node: exp.Expr) -> exp.Expr:
    """ANY_VALUE(x HAVING MAX y)."""
    having = node.this
    if not isinstance(having, exp.HavingMax):
        return node
    return call("MAX_BY" if having.args.get("max") else "MIN_BY", having.this, having.expression)


def _array(node: exp.Expr) -> exp.Expr:
    """ARRAY_AGG(… IGNORE NULLS): COLLECT_LIST leaves out NULLs, and takes no order."""
    if not isinstance(node.parent, exp.IgnoreNulls) or isinstance(node.this, exp.Order | exp.Limit):
        raise refused("ARRAY_AGG with NULLs or an order", _ENGINE, "write IGNORE NULLS and no ORDER BY")
    return node


def _ignoring(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node.this, exp.ArrayAgg) else node


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: double_literal,
    exp.IntDiv: quotient,
    exp.Greatest: null_if_any_is,
    exp.Least: null_if_any_is,
    exp.Cast: _converted,
    exp.Substring: _part_of_text,
    exp.ByteLength: _bytes,
    exp.Trim: trimmed(),
    exp.DateAdd: _moved,
    exp.DateSub: _moved,
    exp.DateTrunc: _truncated,
    exp.DateDiff: _difference,
    exp.Extract: _part,
    exp.TimeToStr: _formatted,
    exp.AnyValue: _any_value,
    exp.ArrayAgg: _array,
    exp.IgnoreNulls: _ignoring,
    exp.Window: rules.windows(_ENGINE, ignoring_nulls=True),
    exp.GroupConcat: rules.joined_texts(_ENGINE),
    exp.Anonymous: rules.functions(_ENGINE),
}


def for_spark(tree: exp.Query) -> exp.Query:
    """The tree in Spark's terms, changed in place. Raises UnsupportedSql."""
    replace_listed(tree)
    return rewrite(tree, RULES)
