"""Conditions that are known before the query runs: those of `|> IF`."""

from __future__ import annotations

import operator as compare
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.rebuild import unbracketed

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
    raise UnsupportedSql("IF with a condition that is no constant", node.sql("bigquery")[:60])


def _literal(node: exp.Expr) -> Decimal | str | None:
    node = unbracketed(node)
    if isinstance(node, exp.Neg) and isinstance(value := _literal(node.this), Decimal):
        return -value
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else Decimal(node.name)
    if isinstance(node, exp.Null):
        return None
    raise UnsupportedSql("IF with a condition that is no constant", node.sql("bigquery")[:60])
