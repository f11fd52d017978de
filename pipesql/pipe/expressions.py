"""Expressions: copied with parts replaced, written as a person writes them, and computed where they are constant.

A copy keeps its meaning: what lands under an operator gets brackets.
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sqlglot import exp

from pipesql.errors import UnsupportedSql

#: Nodes that print without brackets of their own, so that a stronger operator beside them would tear them apart.
_LOOSE = (exp.Binary, exp.Unary, exp.Between, exp.In, exp.Interval)
_TIGHT = (exp.Paren, exp.Dot)


def rebuild(node: exp.Expr, replace: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """A copy of `node` in which every part for which `replace` gives a tree is that tree (which is not entered)."""
    new = replace(node)
    if new is not None:
        return new
    args: dict[str, Any] = {}
    operator = isinstance(node, _LOOSE) and not isinstance(node, _TIGHT)
    for key, value in node.args.items():
        if isinstance(value, exp.Expr):
            args[key] = _child(value, replace, operator)
        elif isinstance(value, list):
            args[key] = [_child(v, replace, False) if isinstance(v, exp.Expr) else v for v in value]
        else:
            args[key] = value
    return node.__class__(**args)


def _child(node: exp.Expr, replace: Callable[[exp.Expr], exp.Expr | None], under_operator: bool) -> exp.Expr:
    new = replace(node)
    if new is None:
        return rebuild(node, replace)
    if under_operator and isinstance(new, _LOOSE) and not isinstance(new, _TIGHT) and not isinstance(node, _LOOSE):
        return exp.Paren(this=new)
    return new


def position_of(node: exp.Expr) -> int | None:
    """Where the name of a column or a table begins in the text, in characters from 0; None where that is not known."""
    name = node.args.get("table") or node.this if isinstance(node, exp.Column) else node.this
    return name.meta.get("start") if isinstance(name, exp.Identifier) else None


def unbracketed(node: exp.Expr) -> exp.Expr:
    """The expression inside its brackets; a scalar subquery keeps its own (sqlglot's `unnest` takes those as well)."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def outermost(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The expressions of a kind that no other of it encloses; subqueries are not entered."""
    if isinstance(node, kind):
        yield node
    elif not isinstance(node, exp.Query | exp.Subquery):
        for child in node.iter_expressions():
            yield from outermost(child, kind)


def is_constant(node: exp.Expr) -> bool:
    """Whether the expression is the same for every row: it names no column and calls no function."""
    return node.find(exp.Column, exp.Query, exp.Placeholder, exp.Func) is None


def integer(node: exp.Expr | None) -> int | None:
    """The value of an integer literal, with or without a sign."""
    node = unbracketed(node) if node is not None else None
    if isinstance(node, exp.Neg):
        value = integer(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal) and node.name.removeprefix("-").isdigit():
        return int(node.name)
    return None


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


def natural(tree: exp.Expr, dialect: str) -> exp.Expr:
    """A copy for printing alone, in which NOT stands where a person writes it (`x NOT IN (…)`, `x IS NOT NULL`)."""
    if tree.find(exp.Not) is None:
        return tree

    def replace(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Not):
            return None
        inner = node.this
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null) and not inner.args.get("negate"):
            return exp.Is(this=rebuild(inner.this, replace), expression=exp.Var(this="NOT NULL"))
        if isinstance(inner, exp.Between) or (isinstance(inner, exp.In) and not inner.args.get("unnest")):
            copy = rebuild(inner, replace)
            subject = natural(copy.this, dialect).sql(dialect=dialect, normalize_functions="upper", comments=False)
            copy.set("this", exp.Var(this=f"{subject} NOT"))
            return copy
        return None

    return rebuild(tree, replace)


_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: compare.eq,
    exp.NEQ: compare.ne,
    exp.LT: compare.lt,
    exp.LTE: compare.le,
    exp.GT: compare.gt,
    exp.GTE: compare.ge,
}


def truth(node: exp.Expr) -> bool | None:
    """Whether a constant condition is true, or None for NULL.

    Raises UnsupportedSql for anything but TRUE, FALSE, NULL, comparisons of literals, and NOT, AND, OR of such.
    """
    node = unbracketed(node)
    match node:
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            return None
        case exp.Cast() if isinstance(node.this, exp.Null) and node.to.is_type("boolean"):
            return None
        case exp.Not():
            value = truth(node.this)
            return None if value is None else not value
        case exp.And() | exp.Or():
            deciding = isinstance(node, exp.Or)
            values = [truth(node.left), truth(node.right)]
            return deciding if deciding in values else None if None in values else not deciding
    compared = _COMPARISONS.get(type(node))
    if compared is not None:
        left, right = _literal(node.left), _literal(node.right)
        if left is None or right is None:
            return None
        if type(left) is type(right):
            return compared(left, right)
    raise UnsupportedSql("IF whose condition is not a constant", node.sql("bigquery")[:60])


def _literal(node: exp.Expr) -> Decimal | str | None:
    node = unbracketed(node)
    if isinstance(node, exp.Neg) and isinstance(value := _literal(node.this), Decimal):
        return -value
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else Decimal(node.name)
    if isinstance(node, exp.Null):
        return None
    raise UnsupportedSql("IF whose condition is not a constant", node.sql("bigquery")[:60])
