"""Queries of any shape to operators: WITH, set operations, brackets; a SELECT goes to `select`."""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind import Binder
from pipesql.decompile.built import Built, limit, ordered
from pipesql.decompile.expressions import Expressions, View
from pipesql.decompile.select import SelectBuilder
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import Cte, PipeQuery


class QueryBuilder:
    """Builds the pipe form of a bound query."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.expressions = Expressions(binder, lambda node, view: self.build(node, view))
        self.cte_names: dict[str, list[str]] = {}

    def build(self, node: exp.Expr, outer: View | None = None) -> PipeQuery:
        """The whole query. `outer` is the view of the operator that it stands in, for a nested one."""
        return self.query(node, outer, named=False).query()

    def query(self, node: exp.Expr, outer: View | None, named: bool) -> Built:
        """Any query; `named` asks for output columns with distinct names."""
        while isinstance(node, exp.Subquery):
            node = node.this
        ctes = self.ctes(node, outer)
        if isinstance(node, exp.SetOperation):
            built = self.set_operation(node, outer, named)
        else:
            assert isinstance(node, exp.Select)
            built = SelectBuilder(self, node, outer).build(named)
        built.ctes[:0] = ctes
        return built

    def ctes(self, node: exp.Expr, outer: View | None) -> list[Cte]:
        """The queries of a WITH, each with distinct column names."""
        with_ = node.args.get("with_")
        out = []
        for cte in with_.expressions if with_ is not None else ():
            built = self.query(cte.this, outer, named=True)
            wanted = [c.name for c in cte.args["alias"].columns]
            if wanted and wanted != built.names:
                built.operators.append(op.Rename(tuple(zip(built.names, wanted, strict=True))))
                built.names = wanted
            self.cte_names[cte.alias.lower()] = built.names
            out.append(Cte(cte.alias, built.query()))
        return out

    def set_operation(self, node: exp.SetOperation, outer: View | None, named: bool) -> Built:
        """Both arms, then ORDER BY and LIMIT of the whole."""
        if node.args.get("by_name") or node.args.get("side") or node.args.get("on"):
            raise UnsupportedSql("a set operation BY NAME")
        order = node.args.get("order")
        built = self.query(node.this, outer, named=named or order is not None)
        right = self.query(node.expression, outer, named=False)
        distinct = bool(node.args.get("distinct"))
        built.operators.append(op.SetOperation(node.key.upper(), distinct, (right.query(),)))
        built.loose = False
        if order is not None:
            keys = (ordered(key, column(built.names[int(key.this.name) - 1])) for key in order.expressions)
            built.operators.append(op.OrderBy(tuple(keys)))
        built.operators.extend(limit(node))
        return built
