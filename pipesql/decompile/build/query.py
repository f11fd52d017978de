"""Queries of any shape to operators: WITH, set operations, brackets; a SELECT goes to `select`.

One SELECT to operators: FROM, JOINs, WHERE, then aggregation or projection, ORDER BY, LIMIT.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.binder import Binder
from pipesql.decompile.bind.compound import OUTPUT, names_itself, recursion
from pipesql.decompile.build.aggregate import Aggregation, is_aggregate
from pipesql.decompile.build.built import Built, limit, ordered
from pipesql.decompile.build.expressions import Expressions, View
from pipesql.decompile.build.origins import Origins
from pipesql.decompile.build.project import Projection
from pipesql.decompile.build.relations import Relations, bracketed
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import Cte, PipeQuery


class QueryBuilder:
    """Builds the pipe form of a bound query; `origins`, if given, is told where each operator comes from."""

    def __init__(self, binder: Binder, origins: Origins | None = None) -> None:
        self.binder = binder
        self.origins = origins
        self.expressions = Expressions(binder, lambda node, view: self.build(node, view))
        self.cte_names: dict[str, list[str]] = {}

    def build(self, node: exp.Expr, outer: View | None = None) -> PipeQuery:
        """The whole query. `outer` is the view of the operator that it stands in, for a nested one."""
        return self.query(node, outer, named=False).query()

    def query(self, node: exp.Expr, outer: View | None, named: bool) -> Built:
        """Any query; `named` asks for output columns with distinct names."""
        while isinstance(node, exp.Subquery):
            node = node.this
        around = self.cte_names
        if node.args.get("with_") is not None:
            self.cte_names = dict(around)
        ctes, recursive = self.ctes(node, outer)
        if isinstance(node, exp.SetOperation):
            built = self.set_operation(node, outer, named)
        else:
            assert isinstance(node, exp.Select)
            built = SelectBuilder(self, node, outer).build(named)
        built.ctes[:0] = ctes
        built.recursive |= recursive
        self.cte_names = around
        return built

    def ctes(self, node: exp.Expr, outer: View | None) -> tuple[list[Cte], bool]:
        """The queries of a WITH, each with distinct column names; whether one of them names itself."""
        with_ = node.args.get("with_")
        out, recursive = [], False
        for cte in with_.expressions if with_ is not None else ():
            wanted = [c.name for c in cte.args["alias"].columns]
            asked = with_.args.get("recursive") or self.binder.habits.recursive_unasked
            again = bool(asked) and names_itself(cte)
            start, step = recursion(cte) if again else (cte.this, None)
            built = self.query(start, outer, named=True)
            if wanted and wanted != built.names:
                self.add(built.operators, op.Rename(tuple(zip(built.names, wanted, strict=False))), "WITH", cte)
                built.names = [*wanted, *built.names[len(wanted) :]]
            self.cte_names[cte.alias.lower()] = built.names
            if step is not None:
                distinct = bool(step.parent is not None and step.parent.args.get("distinct"))
                again_query = self.query(step, outer, named=False).query()
                self.add(built.operators, op.SetOperation("UNION", distinct, (again_query,)), "UNION", step)
            recursive |= again
            out.append(Cte(cte.alias, built.query()))
        return out, recursive

    def set_operation(self, node: exp.SetOperation, outer: View | None, named: bool) -> Built:
        """Both arms, then ORDER BY and LIMIT of the whole."""
        order = node.args.get("order")
        built = self.query(node.this, outer, named=named or order is not None)
        right = self.query(node.expression, outer, named=False)
        distinct = bool(node.args.get("distinct"))
        self.add(built.operators, op.SetOperation(node.key.upper(), distinct, (right.query(),)), node.key.upper(), node)
        built.loose = False
        if order is not None:
            view = View(columns={OUTPUT: {str(n): name for n, name in enumerate(built.names, 1)}})
            keys = (ordered(key, self._sort_value(key.this, built.names, view)) for key in order.expressions)
            self.add(built.operators, op.OrderBy(tuple(keys)), "ORDER BY", node)
        for operator in limit(node):
            self.add(built.operators, operator, "LIMIT", node)
        return built

    def _sort_value(self, value: exp.Expr, names: list[str], view: View) -> exp.Expr:
        if isinstance(value, exp.Literal) and value.is_int:
            return column(names[int(value.name) - 1])
        return self.expressions.write(value, view)

    def add(self, operators: list[op.Operator], operator: op.Operator, clause: str, node: exp.Expr) -> None:
        """Append an operator that a clause of `node` gave."""
        operators.append(operator)
        if self.origins is not None:
            self.origins.note(operator, clause, node)


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
