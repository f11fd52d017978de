"""Where a gold query and its pipe form can be compared before their ends: the gold cut off after a clause.

SQL runs a SELECT in the order FROM, WHERE, GROUP BY, HAVING, SELECT, DISTINCT, ORDER BY, LIMIT, and the decompiler
writes its operators in that order. So a prefix of the pipe query has a partner: the gold without the clauses that are
still to come. Where that is not so (a join that the decompiler turned into another, a query in FROM, conditions
moved to other operators), there is no partner, and no comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe import operators as op


@dataclass(frozen=True)
class Stage:
    """After the operator `number` (from 1) the pipe query should have as many rows as `sql`.

    `same`: and the same rows, column by column. Otherwise the columns of `sql` may stand anywhere among the prefix's,
    or are still to be computed.
    """

    number: int
    sql: str
    same: bool


def stages(gold: exp.Expr, operators: Sequence[op.Operator], dialect: str) -> Iterator[Stage]:
    """Partners of the proper prefixes of `operators`, shortest first."""
    for number, tree, same in _partners(gold, operators):
        if number < len(operators):
            yield Stage(number, tree.sql(dialect), same)


_Partner = tuple[int, exp.Expr, bool]


def _partners(gold: exp.Expr, operators: Sequence[op.Operator]) -> Iterator[_Partner]:
    if isinstance(gold, exp.Select):
        yield from _of_select(gold, operators)
    elif isinstance(gold, exp.SetOperation):
        places = [i for i, o in enumerate(operators) if isinstance(o, op.SetOperation)]
        if not places:
            return
        left = gold.this.copy()
        if gold.args.get("with_") is not None:
            left.set("with_", gold.args["with_"].copy())
        yield from _partners(left, operators[: places[-1]])
        yield places[-1], left, True
        yield places[-1] + 1, _without(gold, "order", "limit", "offset"), True


def _of_select(gold: exp.Select, operators: Sequence[op.Operator]) -> Iterator[_Partner]:
    if not _corresponds(gold, operators):
        return
    seen = _Seen(operators)
    whole = _ends_alike(gold, operators)
    for number, operator in enumerate(operators, 1):
        seen.take(operator)
        tree = seen.partner(gold)
        if tree is not None and (whole or not seen.shaped):
            yield number, tree, not seen.shaped and _keeps_columns(gold)


def _corresponds(gold: exp.Select, operators: Sequence[op.Operator]) -> bool:
    """Plain tables joined in the same order, each with a condition in both or in neither, and the same clauses."""
    source, joins = gold.args.get("from_"), gold.args.get("joins") or []
    if source is None or not all(isinstance(s.this, exp.Table) for s in [source, *joins]):
        return False
    seen = _Seen(operators)
    return (
        len(seen.found) == len(joins)
        and all(
            (o.on is not None or bool(o.using)) == bool(j.args.get("on") or j.args.get("using"))
            for o, j in zip(seen.found, joins, strict=True)
        )
        and (gold.args.get("where") is not None) == (seen.filters > 0)
        and (gold.args.get("having") is not None) == (seen.group_filters > 0)
        and _groups(gold) == any(isinstance(o, op.Aggregate) for o in operators)
    )


def _ends_alike(gold: exp.Select, operators: Sequence[op.Operator]) -> bool:
    """DISTINCT and LIMIT in both or in neither: one that is missing shows at no operator."""
    distinct = any(isinstance(o, op.Distinct) or (isinstance(o, op.Select) and o.distinct) for o in operators)
    cut = any(isinstance(o, op.Limit) for o in operators)
    return distinct == (gold.args.get("distinct") is not None) and cut == (gold.args.get("limit") is not None)


def _groups(gold: exp.Select) -> bool:
    parts = [*gold.expressions, gold.args.get("having"), gold.args.get("order")]
    return gold.args.get("group") is not None or any(
        node.parent_select is gold and not isinstance(node.parent, exp.Window)
        for part in parts
        if part is not None
        for node in part.find_all(exp.AggFunc)
    )


def _keeps_columns(gold: exp.Select) -> bool:
    """Does `SELECT *` list the tables' columns one after another?"""
    joins = gold.args.get("joins") or []
    return not any(j.args.get("using") or j.args.get("method") or j.args.get("side") for j in joins)


class _Seen:
    """Which clauses of the gold the operators so far make up."""

    def __init__(self, operators: Sequence[op.Operator]) -> None:
        grouped = next((i for i, o in enumerate(operators) if isinstance(o, op.Aggregate)), len(operators))
        self.found = [o for o in operators[:grouped] if isinstance(o, op.Join)]
        self.filters = sum(isinstance(o, op.Where) for o in operators[:grouped])
        self.group_filters = sum(isinstance(o, op.Where) for o in operators[grouped:])
        self.joins = self.filtered = self.group_filtered = 0
        self.grouped = self.distinct = self.cut = self.shaped = False

    def take(self, operator: op.Operator) -> None:
        """Go on by one operator."""
        match operator:
            case op.Join():
                self.joins += 1
            case op.Where() if self.grouped:
                self.group_filtered += 1
            case op.Where():
                self.filtered += 1
            case op.Aggregate():
                self.grouped = True
            case op.Distinct() | op.Select(distinct=True):
                self.distinct = True
            case op.Limit():
                self.cut = True
        self.shaped |= not isinstance(operator, op.From | op.Join | op.Where | op.As | op.OrderBy)

    def partner(self, gold: exp.Select) -> exp.Expr | None:
        """The gold with the clauses seen so far; None in the middle of a clause."""
        joins = gold.args.get("joins") or []
        if self.joins < len(joins):
            return None if self.filtered or self.shaped else self._cut_off(gold, joins[: self.joins])
        if self.filtered not in (0, self.filters) or self.group_filtered not in (0, self.group_filters):
            return None
        return self._cut_off(gold, joins)

    def _cut_off(self, gold: exp.Select, joins: Sequence[exp.Expr]) -> exp.Expr:
        gone = [] if self.cut else ["order", "limit", "offset"]
        gone += [] if self.filtered else ["where"]
        gone += [] if self.group_filtered else ["having"]
        gone += [] if self.distinct else ["distinct"]
        ungrouped = _groups(gold) and not self.grouped
        tree = _without(gold, *gone, *(["group"] if ungrouped else []))
        tree.set("joins", [join.copy() for join in joins])
        if ungrouped or not self.shaped:
            tree.set("expressions", [exp.Star()])
        return tree


def _without(query: exp.Expr, *clauses: str) -> exp.Expr:
    tree = query.copy()
    for clause in clauses:
        tree.set(clause, None)
    return tree
