"""The hardness of a gold query by the rule of Spider's official evaluation: easy, medium, hard or extra.

The rule counts three things in the outermost SELECT (the content of nested queries does not count again):

- components: WHERE, GROUP BY, ORDER BY and LIMIT one each, every table after the first, every OR, every LIKE;
- nested queries: one for each query that a condition compares with, and one for a set operation;
- others, one for each that holds: more than one aggregate, output column, WHERE condition, grouping key.

An aggregate counts where it is an output column, a side of an arithmetic sort key, or a grouping key by itself.
Two habits of the official parser are kept, since the published classes come from it: NOT before a WHERE condition
counts as an aggregate, and so does every AND and OR between conditions of HAVING.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

HARDNESS = ("easy", "medium", "hard", "extra")
"""The classes, easiest first."""


def hardness(gold_sql: str, dialect: str = "sqlite") -> str:
    """The class of a query; empty if sqlglot cannot read it as a query."""
    try:
        tree = sqlglot.parse_one(gold_sql, read=dialect)
    except SqlglotError:
        return ""
    return query_hardness(tree) if isinstance(tree, exp.Query) else ""


def query_hardness(tree: exp.Query) -> str:
    """The class of a parsed query."""
    select, combined = _first_select(tree)
    if select is None:
        return ""
    conditions = _Conditions(select)
    return _rule(_components(select, conditions), conditions.nested + combined, _others(select, conditions))


def _rule(components: int, nested: int, others: int) -> str:
    if nested == 0:
        if components <= 1 and others == 0:
            return "easy"
        if (components <= 1 and others <= 2) or (components <= 2 and others < 2):
            return "medium"
        if (components <= 2 and others > 2) or (components == 3 and others <= 2):
            return "hard"
        return "extra"
    return "hard" if components <= 1 and others == 0 and nested == 1 else "extra"


def _first_select(tree: exp.Expr) -> tuple[exp.Select | None, int]:
    """The SELECT that is counted, and 1 where set operations follow it (all of them nest in the first one)."""
    combined = 0
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        combined |= isinstance(tree, exp.SetOperation)
        tree = tree.this
    return (tree if isinstance(tree, exp.Select) else None), combined


class _Conditions:
    """The conditions of ON, WHERE and HAVING, taken apart at AND and OR."""

    def __init__(self, select: exp.Select) -> None:
        self.where = list(_split(_body(select, "where")))
        self.having = list(_split(_body(select, "having")))
        on = [join.args.get("on") for join in select.args.get("joins") or ()]
        sources = [*on, _body(select, "where"), _body(select, "having")]
        atoms = [atom for source in sources for atom in _split(source)]
        self.ors = sum(_ors(source) for source in sources)
        self.likes = sum(isinstance(_positive(atom), exp.Like) for atom in atoms)
        self.nested = sum(1 for atom in atoms for _ in _queries(atom))


def _body(select: exp.Select, clause: str) -> exp.Expr | None:
    held = select.args.get(clause)
    return held.this if held is not None else None


def _split(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Conditions between AND and OR, brackets opened."""
    if isinstance(condition, exp.Paren):
        yield from _split(condition.this)
    elif isinstance(condition, exp.Connector):
        yield from _split(condition.this)
        yield from _split(condition.expression)
    elif condition is not None:
        yield condition


def _ors(condition: exp.Expr | None) -> int:
    if isinstance(condition, exp.Paren):
        return _ors(condition.this)
    if isinstance(condition, exp.Connector):
        return isinstance(condition, exp.Or) + _ors(condition.this) + _ors(condition.expression)
    return 0


def _positive(atom: exp.Expr) -> exp.Expr:
    while isinstance(atom, exp.Not | exp.Paren):
        atom = atom.this
    return atom


def _queries(node: exp.Expr) -> Iterator[exp.Expr]:
    """The outermost queries in a condition."""
    if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
        yield node
        return
    for child in node.iter_expressions():
        yield from _queries(child)


def _components(select: exp.Select, conditions: _Conditions) -> int:
    clauses = sum(select.args.get(name) is not None for name in ("where", "group", "order", "limit"))
    return clauses + len(select.args.get("joins") or ()) + conditions.ors + conditions.likes


def _others(select: exp.Select, conditions: _Conditions) -> int:
    group, order = select.args.get("group"), select.args.get("order")
    keys = group.expressions if group is not None else []
    sorts = [side for key in order.expressions for side in _sides(key.this)] if order is not None else []
    aggregates = sum(_is_aggregate(node.unalias()) for node in [*select.expressions, *keys, *sorts])
    aggregates += sum(isinstance(atom, exp.Not) for atom in [*conditions.where, *conditions.having])
    aggregates += max(len(conditions.having) - 1, 0)
    return (aggregates > 1) + (len(select.expressions) > 1) + (len(conditions.where) > 1) + (len(keys) > 1)


def _sides(key: exp.Expr) -> Iterator[exp.Expr]:
    """What a sort key is made of: itself, or both sides of an arithmetic."""
    if isinstance(key, exp.Binary):
        yield key.this
        yield key.expression
    else:
        yield key


def _is_aggregate(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, exp.AggFunc)
