"""Dates in SQLite, which has none: a DATE is a text as `2020-01-31`, and functions on texts count in days.

Source: https://sqlite.org/lang_datefunc.html. A month later than January 31 is March 2 or 3 there and the last day of
February in GoogleSQL: the earlier of that and of the month's last day is taken.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared.dates import date_literal, first_weekday, in_days, in_months, moved, unit_of
from pipesql.pipe.engines.shared.rules import (
    Rule,
    add,
    call,
    cast,
    either,
    kind,
    multiply,
    number,
    operand,
    refused,
    subtract,
    text,
    whole_division,
)
from pipesql.pipe.expressions import integer
from pipesql.pipe.types import DATE, INT

_ENGINE = "SQLite"
_FORMATS = frozenset("dfHjJmMsSwWY%F")
"""What strftime knows in every version of SQLite, and %F, which is written out."""
_PARTS = {"YEAR": "%Y", "MONTH": "%m", "DAY": "%d", "DAYOFYEAR": "%j", "HOUR": "%H", "MINUTE": "%M", "SECOND": "%S"}


def _day(node: exp.Expr) -> exp.Expr:
    """A date argument, without a cast that would change nothing."""
    literal = date_literal(node)
    if literal is not None:
        return text(literal.isoformat())
    return node


def _strftime(form: str, node: exp.Expr) -> exp.Expr:
    return cast(call("STRFTIME", text(form), node.copy()), "bigint")


def _later(node: exp.Expr) -> exp.Expr:
    """DATE_ADD and DATE_SUB."""
    sign = -1 if isinstance(node, exp.DateSub) else 1
    return _moved(node.this, node.expression, unit_of(node), sign)


def _moved(start: exp.Expr, amount: exp.Expr, unit: str, sign: int) -> exp.Expr:
    start = _day(start)
    days, months, count = in_days(unit), in_months(unit), integer(amount)
    if days is None and months is None:
        raise refused(f"INTERVAL … {unit}", _ENGINE)
    literal = date_literal(start)
    if literal is not None and count is not None:
        result = moved(literal, sign * count, unit)
        if result is not None:
            return text(result.isoformat())
    modifier = _modifier(amount, sign * (days or months or 1), "days" if days else "months")
    if days:
        return call("DATE", start, modifier)
    month = call("DATE", start.copy(), text("start of month"), modifier.copy(), text("+1 month"), text("-1 day"))
    return call("MIN", call("DATE", start, modifier), month)


def _modifier(amount: exp.Expr, factor: int, unit: str) -> exp.Expr:
    """`'+3 months'`, or the same computed."""
    count = integer(amount)
    if count is not None:
        return text(f"{count * factor:+} {unit}")
    value = amount if factor == 1 else multiply(amount, number(factor))
    return exp.DPipe(this=operand(value), expression=text(f" {unit}"), safe=True)


def _shifted(node: exp.Expr) -> exp.Expr:
    """`date + 1`, `date - 1` and `date ± INTERVAL …`."""
    left, right = node.left, node.right
    sign = -1 if isinstance(node, exp.Sub) else 1
    if isinstance(left, exp.Interval) and sign == 1:
        left, right = right, left
    if isinstance(right, exp.Interval):
        return _moved(left, right.this, unit_of(right), sign)
    if kind(left) == DATE and kind(right) == DATE and sign == -1:
        raise refused("a date minus a date", _ENGINE, "use DATE_DIFF")
    if kind(right) == DATE and sign == 1:
        left, right = right, left
    return _moved(left, right, "DAY", sign) if kind(left) == DATE and kind(right) == INT else node


def _difference(node: exp.Expr) -> exp.Expr:
    """DATE_DIFF: how many beginnings of the unit lie between."""
    unit, late, early = unit_of(node), _day(node.this), _day(node.expression)
    weekday, months = first_weekday(unit), in_months(unit)
    if weekday is not None:
        days = _days(_week(late, weekday), _week(early, weekday))
        return whole_division(days, number(7))
    if unit == "DAY":
        return _days(late, early)
    if months is None:
        raise refused(f"DATE_DIFF(…, {unit})", _ENGINE)
    return subtract(_counted(late, months), _counted(early, months))


def _days(late: exp.Expr, early: exp.Expr) -> exp.Expr:
    return cast(subtract(call("JULIANDAY", late), call("JULIANDAY", early)), "bigint")


def _counted(node: exp.Expr, months: int) -> exp.Expr:
    """The number of the date's year, quarter or month since year 0."""
    year, month = _strftime("%Y", node), _strftime("%m", node)
    if months == 12:
        return year
    if months == 1:
        return add(multiply(year, number(12)), month)
    return add(multiply(year, number(4)), _quarter(node))


def _quarter(node: exp.Expr) -> exp.Expr:
    return whole_division(add(_strftime("%m", node), number(2)), number(3))


def _week(node: exp.Expr, weekday: int) -> exp.Expr:
    """The week's first day: the last such weekday."""
    return call("DATE", node.copy(), text("-6 days"), text(f"weekday {weekday}"))


def _truncated(node: exp.Expr) -> exp.Expr:
    """DATE_TRUNC."""
    unit, day = unit_of(node), _day(node.this)
    weekday = first_weekday(unit)
    if weekday is not None:
        return _week(day, weekday)
    if unit in ("YEAR", "MONTH", "DAY"):
        return call("DATE", day, text(f"start of {unit.lower()}"))
    if unit == "QUARTER":
        back = exp.Mod(this=exp.Paren(this=subtract(_strftime("%m", day), number(1))), expression=number(3))
        modifier = exp.DPipe(this=exp.Paren(this=exp.Neg(this=exp.Paren(this=back))), expression=text(" months"))
        return call("DATE", day, text("start of month"), modifier)
    raise refused(f"DATE_TRUNC(…, {unit})", _ENGINE)


def _part(node: exp.Expr) -> exp.Expr:
    """EXTRACT."""
    unit, day = unit_of(node, "this"), _day(node.expression)
    if unit in _PARTS:
        return _strftime(_PARTS[unit], day)
    if unit == "DAYOFWEEK":
        return add(_strftime("%w", day), number(1))
    if unit == "QUARTER":
        return _quarter(day)
    if unit == "WEEK":
        return whole_division(subtract(add(_strftime("%j", day), number(6)), _strftime("%w", day)), number(7))
    thursday = call("DATE", day, text("-3 days"), text("weekday 4"))
    if unit == "ISOYEAR":
        return _strftime("%Y", thursday)
    if unit == "ISOWEEK":
        return whole_division(add(_strftime("%j", thursday), number(6)), number(7))
    raise refused(f"EXTRACT({unit} FROM …)", _ENGINE)


def _formatted(node: exp.Expr) -> exp.Expr:
    """FORMAT_DATE and its like, with what strftime knows."""
    form = node.args["format"]
    if isinstance(form, exp.Literal):
        pieces = form.name.split("%")
        unknown = [p[:1] for p in pieces[1:] if p[:1] and p[:1] not in _FORMATS]
        if unknown:
            raise refused(f"%{unknown[0]} in a date's format", _ENGINE)
        form = text(form.name.replace("%F", "%Y-%m-%d"))
    value = node.this
    while isinstance(value, exp.TsOrDsToDate | exp.TsOrDsToTimestamp | exp.TsOrDsToDatetime):
        value = value.this
    return call("STRFTIME", form, _day(value))


def _read(node: exp.Expr) -> exp.Expr:
    """PARSE_DATE of a date as it is."""
    if node.args["format"].name in ("%Y-%m-%d", "%F"):
        return call("DATE", node.this)
    raise refused(f"PARSE_DATE({node.args['format'].sql('bigquery')}, …)", _ENGINE)


def _made(node: exp.Expr) -> exp.Expr:
    """DATE(year, month, day)."""
    parts = [node.args[name] for name in ("year", "month", "day")]
    values = [v for p in parts if (v := integer(p)) is not None]
    if len(values) == len(parts):
        year, month, day = values
        literal = date_literal(text(f"{year:04}-{month:02}-{day:02}"))
        return text(literal.isoformat()) if literal is not None else exp.Null()
    written = call("PRINTF", text("%04d-%02d-%02d"), *parts)
    missing = [exp.Is(this=operand(p.copy()), expression=exp.Null()) for p in parts if integer(p) is None]
    condition: exp.Expr = missing[0]
    for part in missing[1:]:
        condition = exp.Or(this=condition, expression=part)
    return either(condition, exp.Null(), written)


def _last(node: exp.Expr) -> exp.Expr:
    """LAST_DAY of a month."""
    unit = unit_of(node) if node.args.get("unit") is not None else "MONTH"
    if unit != "MONTH":
        raise refused(f"LAST_DAY(…, {unit})", _ENGINE)
    return call("DATE", _day(node.this), text("start of month"), text("+1 month"), text("-1 day"))


def _since_epoch(node: exp.Expr) -> exp.Expr:
    return cast(subtract(call("JULIANDAY", _day(node.this)), exp.Literal.number("2440587.5")), "bigint")


RULES: dict[type[exp.Expr], Rule] = {
    exp.DateAdd: _later,
    exp.DateSub: _later,
    exp.Add: _shifted,
    exp.Sub: _shifted,
    exp.DateDiff: _difference,
    exp.DateTrunc: _truncated,
    exp.Extract: _part,
    exp.TimeToStr: _formatted,
    exp.StrToDate: _read,
    exp.DateFromParts: _made,
    exp.LastDay: _last,
    exp.UnixDate: _since_epoch,
}
