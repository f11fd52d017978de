"""Queries of any shape to operators: WITH, set operations, brackets; a SELECT goes to `select`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.decompile.bind import Binder
from pipesql.decompile.expressions import Expressions, View
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import Cte, PipeQuery


@dataclass
class Built:
    """Operators so far. `names` are the output columns' (empty where unnamed); `loose` if tables' names still show."""

    operators: list[op.Operator]
    names: list[str]
    ctes: list[Cte] = field(default_factory=list)
    loose: bool = False


class QueryBuilder:
    """Builds the pipe form of a bound query."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.expressions = Expressions(binder, lambda node, view: self.build(node, view))
        self.cte_names: dict[str, list[str]] = {}

    def build(self, node: exp.Expr, outer: View | None = None) -> PipeQuery:
        """The whole query. `outer` is the view of the operator that it stands in, for a nested one."""
        built = self.query(node, outer, named=False)
        return PipeQuery(tuple(built.operators), tuple(built.ctes))

    def query(self, node: exp.Expr, outer: View | None, named: bool) -> Built:
        """Any query; `named` asks for output columns with distinct names."""
        from pipesql.decompile.select import SelectBuilder  # the two build each other

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
        with_ = node.args.get("with_")
        out = []
        for cte in with_.expressions if with_ is not None else ():
            built = self.query(cte.this, outer, named=True)
            wanted = [c.name for c in cte.args["alias"].columns]
            if wanted and wanted != built.names:
                built.operators.append(op.Rename(tuple(zip(built.names, wanted, strict=True))))
                built.names = wanted
            self.cte_names[cte.alias.lower()] = built.names
            out.append(Cte(cte.alias, PipeQuery(tuple(built.operators), tuple(built.ctes))))
        return out

    def set_operation(self, node: exp.SetOperation, outer: View | None, named: bool) -> Built:
        if node.args.get("by_name") or node.args.get("side") or node.args.get("on"):
            raise UnsupportedSql("a set operation BY NAME")
        order = node.args.get("order")
        built = self.query(node.this, outer, named=named or order is not None)
        right = self.query(node.expression, outer, named=False)
        kind = node.key.upper()
        query = PipeQuery(tuple(right.operators), tuple(right.ctes))
        built.operators.append(op.SetOperation(kind, bool(node.args.get("distinct")), (query,)))
        built.loose = False
        if order is not None:
            keys = []
            for key in order.expressions:
                name = built.names[int(key.this.name) - 1]
                keys.append(ordered(key, column(name)))
            built.operators.append(op.OrderBy(tuple(keys)))
        built.operators.extend(limit(node))
        return built


def ordered(key: exp.Expr, value: exp.Expr) -> exp.Ordered:
    """A sort key over another expression. SQLite and GoogleSQL agree on NULLs: small."""
    desc = bool(key.args.get("desc"))
    first = key.args.get("nulls_first")
    default = not desc
    explicit = bool(first) != default and first is not None
    return exp.Ordered(this=value, desc=desc or None, nulls_first=bool(first) if explicit else default)


def limit(node: exp.Expr) -> list[op.Operator]:
    """The LIMIT operator of a query, if it has one. Raises UnsupportedSql for a computed limit."""
    count, offset = node.args.get("limit"), node.args.get("offset")
    if count is None and offset is None:
        return []
    values = []
    for part in (count, offset):
        value = None if part is None else part.expression
        if value is not None and not (isinstance(value, exp.Literal) and value.is_int):
            raise UnsupportedSql("a LIMIT that is not a plain number", value.sql("sqlite"))
        values.append(0 if value is None else int(value.name))
    return [op.Limit(values[0], values[1])]
