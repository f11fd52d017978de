"""Numbers and casts in SQLite, where integers divide to an integer and a type is a matter of the value.

Source: https://sqlite.org/lang_expr.html#castexpr, https://sqlite.org/lang_mathfunc.html.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import (
    Rule,
    call,
    cast,
    integer,
    is_condition,
    is_real,
    kind,
    multiply,
    operand,
    refused,
    refusing,
    subtract,
    text,
    whole_division,
)
from pipesql.pipe.engines.texts import counted_conditions
from pipesql.pipe.engines.units import date_literal
from pipesql.pipe.rebuild import unbracketed
from pipesql.pipe.types import DATE, INT, REAL

_ENGINE = "SQLite"


def _divided(node: exp.Expr) -> exp.Expr:
    """`/`, with at least one side surely real; division by zero is NULL."""
    left, right = node.this, node.expression
    if not (_surely_real(left) or _surely_real(right)):
        left = exp.Cast(this=unbracketed(left), to=exp.DataType.build("REAL", dialect="sqlite"))
    return exp.Div(this=left, expression=right, typed=True, safe=True)


def _surely_real(node: exp.Expr) -> bool:
    """Whether the value is stored as a real. A REAL column's kind says so; an integer divided by one is not."""
    node = unbracketed(node)
    match node:
        case exp.Column():
            return is_real(node)
        case exp.Literal():
            return not node.is_string and not node.is_int
        case exp.Cast():
            return bool(node.to.is_type(*exp.DataType.REAL_TYPES))
        case exp.Avg() | exp.Round():
            return True
        case exp.Div() | exp.Mul() | exp.Add() | exp.Sub():
            return _surely_real(node.left) or _surely_real(node.right)
        case exp.Neg() | exp.Sum() | exp.Abs() | exp.Max() | exp.Min():
            return _surely_real(node.this) and not node.expressions
        case _:
            return False


def _quotient(node: exp.Expr) -> exp.Expr:
    """DIV."""
    return whole_division(node.this, node.expression)


def _safe_quotient(node: exp.Expr) -> exp.Expr:
    """SAFE_DIVIDE: what SQLite's division is."""
    return _divided(exp.Div(this=operand(node.this), expression=operand(node.expression)))


def _rounded(node: exp.Expr) -> exp.Expr:
    """ROUND to tens and hundreds, which SQLite takes for ROUND to units."""
    decimals = node.args.get("decimals")
    places = 0 if decimals is None else integer(decimals)
    if places is None:
        raise refused("ROUND to a computed number of places", _ENGINE)
    if places >= 0:
        return node
    unit = exp.Literal.number(f"{10**-places}.0")
    scaled = exp.Div(this=operand(node.this), expression=unit, typed=True, safe=True)
    return multiply(exp.Round(this=scaled), unit.copy())


def _exclusive(node: exp.Expr) -> exp.Expr:
    """`^`."""
    left, right = operand(node.this), operand(node.expression)
    both = exp.BitwiseAnd(this=left.copy(), expression=right.copy())
    return subtract(exp.BitwiseOr(this=left, expression=right), both)


def _cut_off(node: exp.Expr) -> exp.Expr:
    """TRUNC below a cast to an integer: that cuts off by itself."""
    parent = node.parent
    if isinstance(parent, exp.Cast) and parent.is_type(*exp.DataType.INTEGER_TYPES) and not node.args.get("decimals"):
        parent.meta["pipesql.cut"] = True
        return node.this
    return node


def converted(node: exp.Expr) -> exp.Expr:
    """CAST."""
    value, to = node.this, node.args["to"]
    if to.is_type(*exp.DataType.INTEGER_TYPES):
        if node.meta.get("pipesql.cut") or kind(value) != REAL:
            return node
        return cast(value if isinstance(value, exp.Round) else exp.Round(this=value), "bigint")
    if to.is_type("boolean"):
        return _as_boolean(node)
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return _as_text(node)
    if to.is_type("date"):
        return _as_date(node)
    if to.is_type("timestamp", "timestamptz", "datetime", "time"):
        raise refused(f"CAST AS {to.sql('bigquery')}", _ENGINE)
    return node


def _as_boolean(node: exp.Expr) -> exp.Expr:
    if is_condition(node.this):
        return node.this
    if kind(node.this) not in (INT, REAL):
        raise refused("CAST AS BOOL of what is no number", _ENGINE)
    return exp.NEQ(this=operand(node.this), expression=exp.Literal.number(0))


def _as_text(node: exp.Expr) -> exp.Expr:
    value = node.this
    if is_condition(value):
        no = exp.Not(this=exp.Paren(this=value.copy()))
        return exp.Case(ifs=[exp.If(this=value, true=text("true")), exp.If(this=no, true=text("false"))])
    if not is_real(value):
        return node
    shown = exp.DPipe(this=node, expression=text(" "), safe=True)  # 2.0 is '2' in GoogleSQL
    return call("RTRIM", call("REPLACE", shown, text(".0 "), text(" ")))


def _as_date(node: exp.Expr) -> exp.Expr:
    literal = date_literal(node)
    if literal is not None:
        return text(literal.isoformat())
    return node.this if kind(node.this) == DATE else call("DATE", node.this)


def _chance(node: exp.Expr) -> exp.Expr:
    """RAND() from 0 to 1, where SQLite's is any 64-bit integer."""
    share = exp.Div(this=call("RANDOM"), expression=exp.Literal.number("18446744073709551616.0"), typed=True, safe=True)
    return exp.Add(this=share, expression=exp.Literal.number("0.5"))


RULES: dict[type[exp.Expr], Rule] = {
    exp.Div: _divided,
    exp.IntDiv: _quotient,
    exp.SafeDivide: _safe_quotient,
    exp.Round: _rounded,
    exp.BitwiseXor: _exclusive,
    exp.Trunc: _cut_off,
    exp.Cast: converted,
    exp.Rand: _chance,
    exp.CountIf: counted_conditions,
    **refusing(
        _ENGINE,
        {
            exp.BitwiseAndAgg: "BIT_AND",
            exp.BitwiseOrAgg: "BIT_OR",
            exp.BitwiseXorAgg: "BIT_XOR",
            exp.Corr: "CORR",
            exp.Stddev: "STDDEV",
            exp.StddevPop: "STDDEV_POP",
            exp.StddevSamp: "STDDEV_SAMP",
            exp.Variance: "VARIANCE",
            exp.VariancePop: "VAR_POP",
        },
    ),
}
