"""Texts, comparisons and literal arrays where several engines differ from GoogleSQL in the same way."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared.rules import Rule, call, either, number, operand, text
from pipesql.pipe.expressions import integer, surely_positive

_SPACES = {"": r"^\s+|\s+$", "LEADING": r"^\s+", "TRAILING": r"\s+$"}


def escaped(node: exp.Expr) -> exp.Expr:
    """LIKE with the backslash named as its escape character."""
    plain = exp.Like(this=node.this, expression=node.expression)
    named = exp.Escape(this=plain, expression=exp.Literal.string("\\"))
    return exp.Not(this=named) if node.args.get("negate") else named


def trimmed(*flags: str) -> Rule:
    """A rule for TRIM, which removes all white space unless it names the characters: by a pattern, with `flags`."""

    def rule(node: exp.Expr) -> exp.Expr:
        if node.args.get("expression") is not None:
            return node
        pattern = _SPACES[(node.args.get("position") or "").upper()]
        return call("REGEXP_REPLACE", node.this, text(pattern), text(""), *(text(f) for f in flags))

    return rule


def substring_start(value: exp.Expr, start: exp.Expr) -> exp.Expr:
    """The place where SUBSTR(value, start, …) begins: 0 and places before the first mean the first."""
    place = integer(start)
    if surely_positive(start):
        return start
    if place == 0:
        return number(1)
    size = exp.Length(this=value.copy())
    if place is not None:
        return either(exp.LT(this=size, expression=number(-place)), number(1), start)
    before = exp.LT(this=operand(start.copy()), expression=exp.Neg(this=size))
    zero = exp.EQ(this=operand(start.copy()), expression=number(0))
    return either(exp.Or(this=zero, expression=before), number(1), start)


def counted_conditions(node: exp.Expr) -> exp.Expr:
    """COUNTIF as a COUNT: 0 where there are no rows, unlike a sum."""
    return exp.Count(this=exp.If(this=node.this, true=number(1), false=exp.Null()))


def null_if_any_is(node: exp.Expr) -> exp.Expr:
    """GREATEST and LEAST of engines that skip NULLs: NULL where one of their arguments is NULL."""
    values = [node.this, *node.expressions]
    missing: list[exp.Expr] = [
        exp.Is(this=operand(v.copy()), expression=exp.Null()) for v in values if not isinstance(v, exp.Literal)
    ]
    if not missing:
        return node
    condition = missing[0]
    for part in missing[1:]:
        condition = exp.Or(this=condition, expression=part)
    return either(condition, exp.Null(), node)


def replace_listed(tree: exp.Query) -> None:
    """`x IN UNNEST([…])` of a literal array becomes IN a list, in place."""
    for node in list(tree.find_all(exp.In)):
        unnest = node.args.get("unnest")
        array = unnest.expressions[0] if unnest is not None else None
        if isinstance(array, exp.Array) and array.expressions and not array.find(exp.Query):
            node.replace(exp.In(this=node.this, expressions=array.expressions))
