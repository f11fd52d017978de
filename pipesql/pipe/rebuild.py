"""Copy an expression with parts replaced, keeping its meaning: what lands under an operator gets parentheses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

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


def unbracketed(node: exp.Expr) -> exp.Expr:
    """The expression inside its brackets; a scalar subquery keeps its own (sqlglot's `unnest` takes those as well)."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def is_constant(node: exp.Expr) -> bool:
    """Whether the expression is the same for every row: it names no column and calls no function."""
    return node.find(exp.Column, exp.Query, exp.Placeholder, exp.Func) is None
