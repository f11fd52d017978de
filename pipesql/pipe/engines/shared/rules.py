"""Rules that turn a tree in GoogleSQL's terms into an engine's: how they are applied, and what they are made of.

A rule takes a node of one class and gives what stands for it on the engine: the same node, another, or an error. Nodes
are visited from the inside out, so a rule may repeat its operands. At the end stand rules for what several engines
cannot express, each made for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import REAL, kind_of

Rule = Callable[[exp.Expr], exp.Expr]
Rules = Mapping[type[exp.Expr], Rule]

KIND = "pipesql.kind"
"""Under this key a column's `meta` holds the kind of its values (`pipe.types`)."""

_LOOSE = (exp.Binary, exp.Unary, exp.Between, exp.In)
_TIGHT = (exp.Paren, exp.Dot)


def rewrite(tree: exp.Query, rules: Rules) -> exp.Query:
    """The tree, changed in place. Raises UnsupportedSql where a rule refuses."""
    for node in reversed(list(tree.find_all(*rules))):
        rule = rules.get(type(node))
        if rule is None:
            continue
        parent, place, index = node.parent, node.arg_key, node.index
        try:
            new = rule(node)
        except KeyError:  # rules count on the arguments that GoogleSQL asks for; sqlglot reads SUBSTR(x) without them
            raise UnsupportedSql(f"{node.key.upper()} without all its arguments") from None
        if new is node or parent is None or place is None:
            continue
        if _torn_apart(new, parent):
            new = exp.Paren(this=new)
        parent.set(place, new, index)  # not `node.replace`: the node may have moved into the new one
    return tree


def _torn_apart(node: exp.Expr, parent: exp.Expr) -> bool:
    """Whether an operator above takes hold of a part of the expression unless it stands in brackets."""
    if not isinstance(parent, _LOOSE) or isinstance(parent, _TIGHT):
        return False
    if isinstance(parent, exp.Connector):
        return isinstance(node, exp.Connector)
    return isinstance(node, _LOOSE) and not isinstance(node, _TIGHT)


def kind(node: exp.Expr) -> str:
    """Kind of an expression's values, as far as it is known."""
    return kind_of(node, lambda column: column.meta.get(KIND, ""))


def is_condition(node: exp.Expr) -> bool:
    """Whether the expression surely is a boolean."""
    return isinstance(unbracketed(node), exp.Predicate | exp.Boolean | exp.Not | exp.And | exp.Or)


def is_real(node: exp.Expr) -> bool:
    """Whether the expression surely is a FLOAT64."""
    return kind(node) == REAL


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function of the engine."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def operand(node: exp.Expr) -> exp.Expr:
    """The expression as it may stand beside an operator."""
    loose = isinstance(node, _LOOSE) and not isinstance(node, _TIGHT)
    return exp.Paren(this=node) if loose else node


def number(value: int) -> exp.Expr:
    """An integer literal."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def text(value: str) -> exp.Literal:
    """A string literal."""
    return exp.Literal.string(value)


def cast(node: exp.Expr, to: str) -> exp.Cast:
    """`CAST(node AS to)`, a type by sqlglot's name for it."""
    return exp.Cast(this=unbracketed(node), to=exp.DataType.build(to))


def add(left: exp.Expr, right: exp.Expr) -> exp.Add:
    """`left + right`."""
    return exp.Add(this=operand(left), expression=operand(right))


def subtract(left: exp.Expr, right: exp.Expr) -> exp.Sub:
    """`left - right`."""
    return exp.Sub(this=operand(left), expression=operand(right))


def multiply(left: exp.Expr, right: exp.Expr) -> exp.Mul:
    """`left * right`."""
    return exp.Mul(this=operand(left), expression=operand(right))


def whole_division(left: exp.Expr, right: exp.Expr, safe: bool = True) -> exp.Div:
    """`left / right` of an engine that divides integers to an integer; `safe` where it gives NULL for zero."""
    return exp.Div(this=operand(left), expression=operand(right), typed=True, safe=safe)


def either(condition: exp.Expr, value: exp.Expr, otherwise: exp.Expr | None) -> exp.Case:
    """`CASE WHEN condition THEN value ELSE otherwise END`."""
    return exp.Case(ifs=[exp.If(this=condition, true=value)], default=otherwise)


def refused(construct: str, engine: str, advice: str = "") -> UnsupportedSql:
    """The error for a construct that an engine cannot express."""
    return UnsupportedSql(f"{construct} in {engine}", advice)


def refusing(engine: str, constructs: Mapping[type[exp.Expr], str]) -> dict[type[exp.Expr], Rule]:
    """Rules that refuse each class of node by the construct's name."""

    def rule(node: exp.Expr) -> exp.Expr:
        raise refused(constructs[type(node)], engine)

    return dict.fromkeys(constructs, rule)


def double_literal(node: exp.Expr) -> exp.Expr:
    """A literal like 1.5 is a FLOAT64 in GoogleSQL, a DECIMAL in some engines unless it has an exponent."""
    if not node.is_string and not node.is_int and node.name.replace(".", "", 1).isdigit():
        node.set("this", f"{node.name}e0")
    return node


def quotient(node: exp.Expr) -> exp.Expr:
    """DIV, where it becomes an operator."""
    return exp.IntDiv(this=operand(node.this), expression=operand(node.expression))


_MISSING = frozenset({"IEEE_DIVIDE"})


def windows(engine: str, ignoring_nulls: bool = False) -> Rule:
    """Window functions without DISTINCT, and without IGNORE NULLS unless the engine has it."""

    def rule(node: exp.Expr) -> exp.Expr:
        function = node.this
        if isinstance(function, exp.IgnoreNulls) and not ignoring_nulls:
            raise refused("IGNORE NULLS", engine)
        if isinstance(function, exp.AggFunc) and isinstance(function.this, exp.Distinct):
            raise refused("DISTINCT in a window function", engine)
        return node

    return rule


def joined_texts(engine: str) -> Rule:
    """STRING_AGG without LIMIT."""

    def rule(node: exp.Expr) -> exp.Expr:
        if isinstance(node.this, exp.Limit):
            raise refused("STRING_AGG with LIMIT", engine)
        return node

    return rule


def functions(engine: str) -> Rule:
    """Functions that sqlglot passes on as they are and that only Google's engine has."""

    def rule(node: exp.Expr) -> exp.Expr:
        name = node.name.upper()
        if name in _MISSING:
            raise refused(name, engine)
        return node

    return rule
