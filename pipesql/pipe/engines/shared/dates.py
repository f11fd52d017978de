"""Dates on engines that have the type: what gives a DATE in GoogleSQL must not become a timestamp.

The units in which functions count go by GoogleSQL's names.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlglot import exp

from pipesql.pipe.engines.shared.rules import add, cast, kind, number, operand, refused, subtract
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


_STARTS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")


def unit_of(node: exp.Expr, argument: str = "unit") -> str:
    """The unit in capitals; `WEEK(SUNDAY)` is WEEK and `WEEK(MONDAY)` ISOWEEK, which count the same weeks."""
    unit = node.args.get(argument)
    if isinstance(unit, exp.WeekStart):
        start = unit.name.upper()
        return {"SUNDAY": "WEEK", "MONDAY": "ISOWEEK"}.get(start, f"WEEK({start})")
    return unit.name.upper() if isinstance(unit, exp.Expr) else "DAY"


def first_weekday(unit: str) -> int | None:
    """The day that a unit starts with if it is a week, from 0 for Sunday; else None."""
    if unit in ("WEEK", "ISOWEEK"):
        return int(unit == "ISOWEEK")
    name = unit.removeprefix("WEEK(").removesuffix(")")
    return _STARTS.index(name) if unit.startswith("WEEK(") and name in _STARTS else None


def in_months(unit: str) -> int | None:
    """How many months the unit is, or None."""
    return {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(unit)


def in_days(unit: str) -> int | None:
    """How many days the unit is, or None."""
    return {"DAY": 1, "WEEK": 7, "ISOWEEK": 7}.get(unit)


def date_literal(node: exp.Expr) -> date | None:
    """The date that an expression is, if it is a literal one."""
    value = node.this if isinstance(node, exp.Cast) and node.to.is_type("date") else node
    if not (isinstance(value, exp.Literal) and value.is_string):
        return None
    try:
        return date.fromisoformat(value.name)
    except ValueError:
        return None


def moved(start: date, amount: int, unit: str) -> date | None:
    """The date `amount` units later; the last day of a month that is shorter. None where that date does not exist."""
    months = in_months(unit)
    try:
        if months is None:
            return start + timedelta(days=amount * (in_days(unit) or 1))
        count = start.year * 12 + start.month - 1 + amount * months
        first = date(count // 12, count % 12 + 1, 1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(start.day, last.day))
    except (ValueError, OverflowError):
        return None
