"""What engines do with texts otherwise than GoogleSQL, and have in common."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import either, integer, number, operand
from pipesql.pipe.rebuild import unbracketed


def escaped(node: exp.Expr) -> exp.Expr:
    """LIKE with the backslash named as its escape character."""
    plain = exp.Like(this=node.this, expression=node.expression)
    named = exp.Escape(this=plain, expression=exp.Literal.string("\\"))
    return exp.Not(this=named) if node.args.get("negate") else named


def substring_start(value: exp.Expr, start: exp.Expr) -> exp.Expr:
    """The place where SUBSTR(value, start, …) begins: 0 and places before the first mean the first."""
    place = integer(start)
    if surely_positive(start):
        return start
    if place == 0:
        return number(1)
    before = exp.LT(this=operand(start.copy()), expression=exp.Neg(this=exp.Length(this=value.copy())))
    condition: exp.Expr = before
    if place is None:
        condition = exp.Or(
            this=exp.EQ(this=operand(start.copy()), expression=number(0)),
            expression=before,
        )
    return either(condition, number(1), start)


def surely_positive(node: exp.Expr) -> bool:
    """Whether the expression is an integer above 0 or NULL: a literal, or one added to a count."""
    node = unbracketed(node)
    if isinstance(node, exp.Add):
        left, right = unbracketed(node.left), unbracketed(node.right)
        counts = (exp.StrPosition, exp.Length)
        return (surely_positive(left) and isinstance(right, counts)) or (
            isinstance(left, counts) and surely_positive(right)
        )
    place = integer(node)
    return place is not None and place > 0
