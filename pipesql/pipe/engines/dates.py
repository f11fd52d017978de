"""Dates on engines that have the type: what gives a DATE in GoogleSQL must not become a timestamp."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import add, cast, kind, number, operand, refused, subtract
from pipesql.pipe.engines.units import first_weekday, in_months
from pipesql.pipe.types import DATE


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


def week_of_year(node: exp.Expr, sunday: int) -> exp.Expr:
    """Seven times EXTRACT(WEEK FROM …) and a rest: weeks start on Sunday, which is day `sunday` to the engine.

    The days before the year's first Sunday are week 0.
    """
    day, weekday = (exp.Extract(this=exp.var(part), expression=node.copy()) for part in ("DOY", "DOW"))
    return subtract(add(cast(day, "int"), number(6 + sunday)), cast(weekday, "int"))


def months_between(late: exp.Expr, early: exp.Expr, unit: str, engine: str) -> exp.Expr:
    """DATE_DIFF in years, quarters or months: how many of their beginnings lie between."""
    months = in_months(unit)
    if months is None:
        raise refused(f"DATE_DIFF(…, {unit})", engine)
    return subtract(_counted(late, months), _counted(early, months))


def _counted(node: exp.Expr, months: int) -> exp.Expr:
    """The number of the date's year, quarter or month since year 0."""
    year, part = (extracted(u, node) for u in ("YEAR", "QUARTER" if months == 3 else "MONTH"))
    return year if months == 12 else add(exp.Mul(this=year, expression=number(12 // months)), part)


def extracted(unit: str, node: exp.Expr) -> exp.Expr:
    """A part of a date as an INT64."""
    return cast(exp.Extract(this=exp.var(unit), expression=node.copy()), "bigint")
