"""Numbers and casts in SQLite, where integers divide to an integer and each value has a type of its own.

Source: https://sqlite.org/lang_expr.html#castexpr, https://sqlite.org/lang_mathfunc.html.

SQLite's CAST makes 0 of a text that is not a number. A comparison applies numeric affinity to a text beside a number
(https://sqlite.org/datatype3.html, section 4.2): the text stays a text, equal to no number, unless all of it is one. So
SAFE_CAST becomes such a comparison, and a comparison needs no SAFE_CAST.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared.dates import date_literal
from pipesql.pipe.engines.shared.rules import (
    Rule,
    call,
    cast,
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
from pipesql.pipe.engines.shared.texts import counted_conditions
from pipesql.pipe.expressions import integer, unbracketed
from pipesql.pipe.types import DATE, INT, REAL, TEXT

_ENGINE = "SQLite"


def _divided(node: exp.Expr) -> exp.Expr:
    """`/`, with at least one side surely real; division by zero is NULL."""
    left, right = node.this, node.expression
    if not (_surely_real(left) or _surely_real(right)):
        left = exp.Cast(this=unbracketed(left), to=exp.DataType.build("REAL", dialect="sqlite"))
    return exp.Div(this=left, expression=right, typed=True, safe=True)


def _surely_real(node: exp.Expr) -> bool:
    """Whether the value is stored as a real: a REAL column's is; an integer divided by an integer is not."""
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
        raise refused("CAST AS BOOL of a value that is not a number", _ENGINE)
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

_ENGINE = "SQLite"
_READ = "pipesql.read"
"""The key in the `meta` of a CASE that reads a text as a number."""


def _tried(node: exp.Expr) -> exp.Expr:
    """SAFE_CAST of what can always be cast, and of a text to a real number."""
    plain = exp.Cast(this=node.this, to=node.args["to"])
    if kind(node.this) in (INT, REAL) or (kind(node.this) == TEXT and plain.is_type(*exp.DataType.TEXT_TYPES)):
        return converted(plain)
    if kind(node.this) == TEXT and plain.is_type(*exp.DataType.REAL_TYPES):
        number = cast(node.this, "REAL")
        whole = exp.EQ(this=number, expression=node.this.copy())
        case = exp.Case(ifs=[exp.If(this=whole, true=number.copy())])
        case.meta[_READ] = True
        return case
    raise refused("SAFE_CAST of a text other than AS FLOAT64", _ENGINE)


def _equal(node: exp.Expr) -> exp.Expr:
    """`number = SAFE_CAST(text AS FLOAT64)` of two columns of tables: SQLite compares them so by itself."""
    for side, other in (("this", "expression"), ("expression", "this")):
        number, case = node.args[side], node.args[other]
        if case.meta.get(_READ) and isinstance(number, exp.Column) and kind(number) in (INT, REAL):
            written = case.args["ifs"][0].this.expression
            if isinstance(written, exp.Column) and _stored(number, node) and _stored(written, node):
                node.set(other, written.copy())
    return node


def _stored(column: exp.Column, at: exp.Expr) -> bool:
    """Whether a column is one of a table, which has the affinity of its declared type."""
    select = at.find_ancestor(exp.Select)
    while select is not None:
        joins = select.args.get("joins") or []
        sources = [select.args["from_"].this, *(join.this for join in joins)] if select.args.get("from_") else []
        for source in sources:
            if source.alias_or_name.lower() == column.table.lower() or (not column.table and len(sources) == 1):
                return isinstance(source, exp.Table) and source.name.lower() not in _ctes(select)
        select = select.find_ancestor(exp.Select)
    return False


def _ctes(select: exp.Select) -> set[str]:
    """The names of the tables that the queries around define, in lower case."""
    names: set[str] = set()
    query: exp.Expr | None = select
    while query is not None:
        with_ = query.args.get("with_")
        names |= {cte.alias.lower() for cte in with_.expressions} if with_ is not None else set()
        query = query.parent
    return names


AFFINITY_RULES: dict[type[exp.Expr], Rule] = {exp.TryCast: _tried, exp.EQ: _equal}
