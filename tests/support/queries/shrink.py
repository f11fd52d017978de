"""The smallest query that still shows a fault: clauses, items and parts of expressions are left out one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

_OPTIONAL = ("with_", "where", "having", "group", "order", "limit", "offset", "distinct", "joins", "alias")
_TRIES = 3000


def smallest(sql: str, fails: Callable[[str], bool]) -> str:
    """The query made smaller as long as it `fails`; the query itself if nothing can go."""
    best = sql
    tries = 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(best):
            tries += 1
            if tries > _TRIES:
                return best
            if len(smaller) < len(best) and fails(smaller):
                best, progress = smaller, True
                break
    return best


def _smaller(sql: str) -> Iterator[str]:
    """The query with one part less, big parts first."""
    tree = sqlglot.parse_one(sql, read="sqlite")
    size = len(list(tree.walk()))
    for at in range(size):
        for change in range(40):
            copy = tree.copy()
            node = list(copy.walk())[at]
            changed = _change(copy, node, change)
            if changed is None:
                break
            if changed is not False:
                yield changed.sql("sqlite")


def _change(tree: exp.Expr, node: exp.Expr, number: int) -> exp.Expr | bool | None:
    """The tree after change `number` of a node: None if there is no such change, False if it makes no query."""
    changes: list[Callable[[], exp.Expr | bool]] = [
        lambda key=key: _without(tree, node, key) for key in _OPTIONAL if node.args.get(key)
    ]
    for key, value in node.args.items():
        if isinstance(value, list) and len(value) > 1:
            changes += [lambda key=key, i=i: _shortened(tree, node, key, i) for i in range(len(value))]
    if isinstance(node, exp.Condition | exp.Query) and node is not tree:
        parts = [
            p for p in node.iter_expressions() if isinstance(p, exp.Condition) and not isinstance(p, exp.Identifier)
        ]
        changes += [lambda p=p: _replaced(tree, node, p) for p in parts]
    if isinstance(node, exp.SetOperation):
        changes += [lambda key=key: _arm(tree, node, key) for key in ("this", "expression")]
    if isinstance(node, exp.Subquery) and isinstance(node.parent, exp.From):
        changes.append(lambda: _arm(tree, node.parent.parent, "") if node.parent.parent is tree else False)
    return changes[number]() if number < len(changes) else None


def _without(tree: exp.Expr, node: exp.Expr, key: str) -> exp.Expr:
    node.set(key, None)
    return tree


def _shortened(tree: exp.Expr, node: exp.Expr, key: str, index: int) -> exp.Expr:
    node.set(key, [v for i, v in enumerate(node.args[key]) if i != index])
    return tree


def _replaced(tree: exp.Expr, node: exp.Expr, part: exp.Expr) -> exp.Expr:
    node.replace(part.copy())
    return tree


def _arm(tree: exp.Expr, node: exp.Expr, key: str) -> exp.Expr:
    arm = node.args[key] if key else node.args["from_"].this.this
    if node is tree:
        return arm.copy()
    node.replace(arm.copy())
    return tree
