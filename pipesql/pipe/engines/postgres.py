"""PostgreSQL, up to version 15: ANY_VALUE, which comes with 16, is written in other words."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared import rules
from pipesql.pipe.engines.shared.dates import (
    day_of,
    extracted,
    first_weekday,
    months_between,
    unit_of,
    week_of_year,
    week_start,
)
from pipesql.pipe.engines.shared.rules import (
    Rule,
    add,
    call,
    cast,
    is_condition,
    is_real,
    kind,
    number,
    operand,
    refused,
    refusing,
    rewrite,
    subtract,
    whole_division,
)
from pipesql.pipe.engines.shared.texts import counted_conditions, null_if_any_is, replace_listed, trimmed
from pipesql.pipe.expressions import integer, surely_positive
from pipesql.pipe.types import DATE, INT, TEXT

_ENGINE = "PostgreSQL"


def _rounded(node: exp.Expr) -> exp.Expr:
    """ROUND of a FLOAT64 goes to the even neighbour and takes no places: NUMERIC's does as GoogleSQL's."""
    if kind(node.this) == INT and node.args.get("decimals") is None:
        return node
    exact = exp.Round(this=cast(node.this, "decimal"), decimals=node.args.get("decimals"))
    return cast(exact, "double")


def _logarithm(node: exp.Expr) -> exp.Expr:
    """LOG to a base is of NUMERIC."""
    if node.args.get("expression") is None:
        return node
    exact = exp.Log(this=cast(node.this, "decimal"), expression=cast(node.expression, "decimal"))
    return cast(exact, "double")


def _converted(node: exp.Expr) -> exp.Expr:
    """CAST."""
    value, to = node.this, node.args["to"]
    if to.is_type(*exp.DataType.INTEGER_TYPES):
        if is_real(value) and not isinstance(value, exp.Round | exp.Trunc | exp.Floor | exp.Ceil):
            node.set("this", exp.Round(this=cast(value, "decimal")))
        elif is_condition(value):
            node.set("this", cast(value, "int"))
    elif to.is_type("boolean") and kind(value) == INT and not is_condition(value):
        return exp.NEQ(this=operand(value), expression=number(0))
    return node


def _tried(node: exp.Expr) -> exp.Expr:
    """SAFE_CAST of what can always be cast."""
    if kind(node.this) in ("", TEXT):
        raise refused("SAFE_CAST of a text", _ENGINE)
    return _converted(exp.Cast(this=node.this, to=node.args["to"]))


def _part_of_text(node: exp.Expr) -> exp.Expr:
    """SUBSTR: a negative place counts from the end, 0 and places before the first are the first."""
    value, start, length = node.this, node.args["start"], node.args.get("length")
    place = integer(start)
    if place is not None and place < 0:
        tail = exp.Right(this=value, expression=number(-place))
        return tail if length is None else exp.Left(this=tail, expression=length)
    if place is None:
        node.set("start", cast(start if surely_positive(start) else _place(value, start), "int"))
    elif place == 0:
        node.set("start", number(1))
    if length is not None and integer(length) is None:
        node.set("length", cast(length, "int"))
    return node


def _place(value: exp.Expr, start: exp.Expr) -> exp.Expr:
    size = exp.Length(this=value.copy())
    zero = exp.EQ(this=operand(start.copy()), expression=number(0))
    before = exp.LT(this=operand(start.copy()), expression=exp.Neg(this=size))
    negative = exp.LT(this=operand(start.copy()), expression=number(0))
    from_end = add(add(size.copy(), start.copy()), number(1))
    return exp.Case(
        ifs=[
            exp.If(this=exp.Or(this=zero, expression=before), true=number(1)),
            exp.If(this=negative, true=from_end),
        ],
        default=start,
    )


def _ends(node: exp.Expr) -> exp.Expr:
    size = exp.Length(this=node.expression.copy())
    return exp.EQ(this=exp.Right(this=node.this, expression=size), expression=operand(node.expression))


def _bytes(node: exp.Expr) -> exp.Expr:
    return call("OCTET_LENGTH", node.this)


def _later(node: exp.Expr) -> exp.Expr:
    """DATE_ADD and DATE_SUB give a TIMESTAMP here."""
    return cast(node, "date")


def _shifted(node: exp.Expr) -> exp.Expr:
    """`date + 1`: only of an INT."""
    if isinstance(node, exp.Sub) and kind(node.left) == DATE and kind(node.right) == DATE:
        raise refused("a date minus a date", _ENGINE, "use DATE_DIFF")
    if kind(node.left) == DATE and kind(node.right) == INT and integer(node.right) is None:
        node.set("expression", cast(node.right, "int"))
    return node


def _truncated(node: exp.Expr) -> exp.Expr:
    """DATE_TRUNC gives a TIMESTAMP here; weeks start on Monday."""
    unit = unit_of(node)
    if first_weekday(unit) is not None:
        return week_start(node.this, unit)
    return cast(node, "date")


def _difference(node: exp.Expr) -> exp.Expr:
    """DATE_DIFF: how many beginnings of the unit lie between."""
    unit, late, early = unit_of(node), node.this, node.expression
    if first_weekday(unit) is not None:
        return whole_division(subtract(week_start(late, unit), week_start(early, unit)), number(7), safe=False)
    if unit == "DAY":
        return subtract(day_of(late), day_of(early))
    return months_between(late, early, unit, _ENGINE)


def _part(node: exp.Expr) -> exp.Expr:
    """EXTRACT gives a NUMERIC here; Sunday is day 1, and weeks start on Sunday."""
    unit = unit_of(node, "this")
    if unit == "WEEK":
        return whole_division(week_of_year(node.expression, sunday=0), number(7), safe=False)
    if unit == "DAYOFWEEK":
        return add(extracted("DOW", node.expression), number(1))
    return extracted({"DAYOFYEAR": "DOY", "ISOWEEK": "WEEK"}.get(unit, unit), node.expression)


def _made(node: exp.Expr) -> exp.Expr:
    """DATE(year, month, day)."""
    parts = (node.args[name] for name in ("year", "month", "day"))
    return call("MAKE_DATE", *(p if integer(p) is not None else cast(p, "int") for p in parts))


def _any_value(node: exp.Expr) -> exp.Expr:
    """ANY_VALUE, which comes with version 16: the first of an array; in a window the first value."""
    inner = node.this
    if isinstance(node.parent, exp.Window) and node.arg_key == "this":
        return exp.FirstValue(this=inner)
    if not isinstance(inner, exp.HavingMax):
        return _first(exp.ArrayAgg(this=inner))
    key, descending = inner.expression, bool(inner.args.get("max"))
    order = exp.Order(this=inner.this, expressions=[exp.Ordered(this=key, desc=descending, nulls_first=descending)])
    known = exp.Not(this=exp.Is(this=operand(key.copy()), expression=exp.Null()))
    return _first(exp.Filter(this=exp.ArrayAgg(this=order), expression=exp.Where(this=known)))


def _first(array: exp.Expr) -> exp.Expr:
    return exp.Bracket(this=exp.Paren(this=array), expressions=[number(0)])


def _extreme_condition(node: exp.Expr) -> exp.Expr:
    """MAX and MIN of a BOOL."""
    if not is_condition(node.this):
        return node
    return exp.LogicalOr(this=node.this) if isinstance(node, exp.Max) else exp.LogicalAnd(this=node.this)


def _without_nulls(node: exp.Expr) -> exp.Expr:
    """ARRAY_AGG(… IGNORE NULLS)."""
    array = node.this
    if not isinstance(array, exp.ArrayAgg):
        return node
    value = array.this.this if isinstance(array.this, exp.Order) else array.this
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    known = exp.Not(this=exp.Is(this=operand(value.copy()), expression=exp.Null()))
    return exp.Filter(this=array, expression=exp.Where(this=known))


RULES: dict[type[exp.Expr], Rule] = {
    exp.Round: _rounded,
    exp.Log: _logarithm,
    exp.CountIf: counted_conditions,
    exp.Greatest: null_if_any_is,
    exp.Least: null_if_any_is,
    exp.Cast: _converted,
    exp.TryCast: _tried,
    exp.Substring: _part_of_text,
    exp.EndsWith: _ends,
    exp.ByteLength: _bytes,
    exp.DateAdd: _later,
    exp.DateSub: _later,
    exp.Add: _shifted,
    exp.Sub: _shifted,
    exp.DateTrunc: _truncated,
    exp.DateDiff: _difference,
    exp.Extract: _part,
    exp.DateFromParts: _made,
    exp.AnyValue: _any_value,
    exp.Max: _extreme_condition,
    exp.Min: _extreme_condition,
    exp.Window: rules.windows(_ENGINE),
    exp.IgnoreNulls: _without_nulls,
    exp.GroupConcat: rules.joined_texts(_ENGINE),
    exp.Anonymous: rules.functions(_ENGINE),
    exp.Trim: trimmed("g"),
    **refusing(_ENGINE, {exp.Initcap: "INITCAP"}),
}


def for_postgres(tree: exp.Query) -> exp.Query:
    """The tree in PostgreSQL's terms, changed in place. Raises UnsupportedSql."""
    replace_listed(tree)
    return rewrite(tree, RULES)
