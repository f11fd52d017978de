"""One SELECT to operators: FROM, JOINs, WHERE, then aggregation or projection, ORDER BY, LIMIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.aggregate import Aggregation, is_aggregate
from pipesql.decompile.built import Built
from pipesql.decompile.expressions import View
from pipesql.decompile.project import Projection
from pipesql.decompile.relations import Relations, bracketed
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op

if TYPE_CHECKING:
    from pipesql.decompile.query import QueryBuilder


class SelectBuilder:
    """Builds one SELECT: the operators so far, and `view`, what the next one sees.

    `loose` says that tables' names still show, so that a derived table needs a name of its own.
    """

    def __init__(self, queries: QueryBuilder, node: exp.Select, outer: View | None) -> None:
        self.queries = queries
        self.binder = queries.binder
        self.write = queries.expressions.write
        self.node = node
        self.bound = self.binder.bound(node)
        self.view = View(outer=outer, qualify=self.binder.schema.partial and len(self.bound.sources) > 1)
        self.operators: list[op.Operator] = []
        self.loose = False

    def add(self, operator: op.Operator, clause: str, *parts: exp.Expr) -> None:
        """Append an operator that came from a clause, or from `parts` of it."""
        self.operators.append(operator)
        if self.queries.origins is not None:
            self.queries.origins.note(operator, clause, self.node, *parts)

    def names_around(self) -> set[str]:
        """The range variables of the queries around this one, in lower case."""
        names: set[str] = set()
        view = self.view.outer
        while view is not None:
            names |= {v.lower() for v in view.variables.values()}
            view = view.outer
        return names

    def build(self, named: bool) -> Built:
        """All operators of the SELECT; `named` asks for output columns with distinct names."""
        node = self.node
        projection = Projection(self, named)
        if not self.bound.sources:
            return Built(self.operators, projection.without_from())
        late = Relations(self).build()
        where = node.args.get("where")
        conditions = [*late, *([where.this] if where is not None else [])]
        if conditions:
            whole = conditions[0] if len(conditions) == 1 else bracketed(conditions[0])
            for part in conditions[1:]:
                whole = exp.And(this=whole, expression=bracketed(part))
            self.add(op.Where(self.write(whole, self.view)), "WHERE", *late)
        if is_aggregate(node):
            Aggregation(self).build()
        elif node.args.get("having") is not None:
            raise UnsupportedSql("HAVING without aggregation")
        names = projection.build()
        return Built(self.operators, names, loose=self.loose)
