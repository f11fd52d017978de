"""What releases of sqlglot before the one in the lock do otherwise, made good here, back to the oldest that is allowed.

| until | what they do | what is done |
|---|---|---|
| 30.19 | write `a * MOD(b, c)` as `a * b % c` in dialects that have `%` | brackets |
| 30.29 | read SQLite's `a IS 25` as `Is`, which other dialects take for nothing but NULL and booleans | `NullSafeEQ` |

Whoever raises the lower bound of sqlglot in pyproject.toml deletes what no allowed release needs.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.generator import Generator

_MOD_IS_BARE = not hasattr(Generator, "MOD_PAREN_PARENT_TYPES")
_TIGHT = (exp.Mul, exp.Div, exp.IntDiv, exp.Mod)


def bracket_mod(tree: exp.Expr) -> exp.Expr:
    """The tree, or a copy in which MOD as the right operand of `*`, `/` or `%` stands in brackets."""
    if not _MOD_IS_BARE or tree.find(exp.Mod) is None:
        return tree
    tree = tree.copy()
    for node in list(tree.find_all(exp.Mod)):
        if isinstance(node.parent, _TIGHT) and node.parent.expression is node:
            node.replace(exp.Paren(this=node.copy()))
    return tree


def compare_null_safely(tree: exp.Expr) -> None:
    """Make SQLite's IS and IS NOT between any values the comparison that they are, in place."""
    for node in list(tree.find_all(exp.Is)):
        if isinstance(node.expression, exp.Null | exp.Boolean):
            continue
        negated = isinstance(node.parent, exp.Not)
        kind = exp.NullSafeNEQ if negated else exp.NullSafeEQ
        (node.parent if negated else node).replace(kind(this=node.this, expression=node.expression))
