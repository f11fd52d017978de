"""What releases of sqlglot before the one in the lock do otherwise, made good here, back to the oldest that is allowed.

| until | what they do | what is done |
|---|---|---|
| 30.19 | write `a * MOD(b, c)` as `a * b % c` in dialects that have `%` | brackets |
| 30.26 | read `a UNION b INTERSECT c` from left to right in every dialect | INTERSECT first, but in SQLite |
| 30.29 | read SQLite's `a IS 25` as `Is`, which other dialects take for nothing but NULL and booleans | `NullSafeEQ` |

Whoever raises the lower bound of sqlglot in pyproject.toml deletes what no allowed release needs.
"""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

_MOD_IS_BARE = not hasattr(Generator, "MOD_PAREN_PARENT_TYPES")
_ALL_FROM_LEFT = not hasattr(Dialect, "INTERSECT_BINDS_TIGHTER_THAN_UNION_AND_EXCEPT")
_FROM_LEFT = ("sqlite", "hive", "oracle")
_OWN = ("this", "expression", "distinct", "by_name", "side", "kind", "on")
"""What belongs to a set operation itself; ORDER BY, LIMIT and WITH belong to the whole."""
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


@lru_cache(maxsize=1)
def _is_bare() -> bool:
    """Whether this release reads SQLite's `a IS 25` as `Is`."""
    return sqlglot.parse_one("a IS 25", read="sqlite").find(exp.Is) is not None


def compare_null_safely(tree: exp.Expr) -> None:
    """Make SQLite's IS and IS NOT between any values the comparison that they are, in place."""
    if not _is_bare():
        return
    for node in list(tree.find_all(exp.Is)):
        if isinstance(node.expression, exp.Null | exp.Boolean):
            continue
        negated = isinstance(node.parent, exp.Not)
        kind = exp.NullSafeNEQ if negated else exp.NullSafeEQ
        (node.parent if negated else node).replace(kind(this=node.this, expression=node.expression))


def group_intersect(tree: exp.Query, dialect: str) -> exp.Query:
    """The tree as it was read from `dialect`, with INTERSECT before UNION and EXCEPT where the dialect says so."""
    if not _ALL_FROM_LEFT or dialect in _FROM_LEFT:
        return tree
    for node in reversed(list(tree.find_all(exp.Intersect))):
        first = node.this
        if not isinstance(first, exp.Union | exp.Except):
            continue
        whole = {name: value for name, value in node.args.items() if name not in _OWN and value}
        own = {name: value for name, value in node.args.items() if name in _OWN}
        inner = exp.Intersect(**{**own, "this": first.expression})
        first.set("expression", exp.Subquery(this=inner))
        for name, value in whole.items():
            first.set(name, value)
        if node is tree:
            tree = first
            first.pop()
        else:
            node.replace(first)
    return tree
