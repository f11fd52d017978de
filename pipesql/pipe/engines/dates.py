"""Dates on engines that have the type: what gives a DATE in GoogleSQL must not become a timestamp."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import add, cast, kind, number, operand, subtract, whole_division
from pipesql.pipe.engines.units import first_weekday
from pipesql.pipe.types import DATE


def as_date(node: exp.Expr) -> exp.Expr:
    """CAST AS DATE around a node that stays where it is in the tree's reading."""
    return cast(node, "date")


def day_of(node: exp.Expr) -> exp.Expr:
    """The expression as a DATE."""
    return node if kind(node) == DATE else cast(node, "date")


def week_start(node: exp.Expr, unit: str) -> exp.Expr:
    """The first day of the date's week on engines whose weeks start on Monday."""
    shift = (first_weekday(unit) or 0) - 1  # how many days after Monday the week starts
    day = operand(day_of(node))
    moved = subtract(day, number(shift)) if shift > 0 else add(day, number(-shift)) if shift < 0 else day
    monday = cast(exp.DateTrunc(this=moved, unit=exp.Literal.string("WEEK")), "date")
    return add(monday, number(shift)) if shift > 0 else subtract(monday, number(-shift)) if shift < 0 else monday


def week_of_year(node: exp.Expr, day_of_year: str, day_of_week: str) -> exp.Expr:
    """EXTRACT(WEEK FROM …): weeks start on Sunday, the days before the first one are week 0."""
    day, weekday = (exp.Extract(this=exp.var(part), expression=node.copy()) for part in (day_of_year, day_of_week))
    counted = subtract(add(cast(day, "int"), number(6)), cast(weekday, "int"))
    return whole_division(counted, number(7))
