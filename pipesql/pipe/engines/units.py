"""The parts of a date that functions count in, by GoogleSQL's names."""

from __future__ import annotations

from datetime import date, timedelta

from sqlglot import exp

_STARTS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")


def unit_of(node: exp.Expr, argument: str = "unit") -> str:
    """The unit in capitals; `WEEK(SUNDAY)` is WEEK and `WEEK(MONDAY)` ISOWEEK, which count the same weeks."""
    unit = node.args.get(argument)
    if isinstance(unit, exp.WeekStart):
        start = unit.name.upper()
        return {"SUNDAY": "WEEK", "MONDAY": "ISOWEEK"}.get(start, f"WEEK({start})")
    return unit.name.upper() if isinstance(unit, exp.Expr) else "DAY"


def first_weekday(unit: str) -> int | None:
    """For a unit that is a week the day it starts with, Sunday being 0."""
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
    """The date that many units later; in a shorter month its last day. None where there is no such date."""
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
