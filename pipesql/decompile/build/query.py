"""A bound query to operators: WITH, set operations, and of each SELECT the FROM, JOINs and WHERE.

What a SELECT does with the rows that these give stands in `aggregate` and `project`.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings, Source
from pipesql.decompile.bind.compound import OUTPUT, names_itself, recursion
from pipesql.decompile.build.aggregate import Aggregation, is_aggregate
from pipesql.decompile.build.project import Projection
from pipesql.decompile.build.select import Built, Expressions, Note, SelectBuilder, View, ordered
from pipesql.decompile.prepare.desugar import is_one_row
from pipesql.decompile.prepare.parse import limit
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import column, identifier, unique
from pipesql.pipe.query import Cte, PipeQuery, nest


class QueryBuilder:
    """Builds the pipe form of a bound query; `note` is called with where each operator comes from."""

    def __init__(self, bindings: Bindings, note: Note | None) -> None:
        self.bindings = bindings
        self.note = note
        self.expressions = Expressions(bindings, lambda node, view: self.build(node, view))
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
            built = _build_select(SelectBuilder(self, node, outer), named)
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
            recursing = with_.args.get("recursive") or self.bindings.semantics.implicit_recursion
            again = bool(recursing) and names_itself(cte)
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
        if self.note is not None:
            self.note(operator, clause, node)


def _build_select(select: SelectBuilder, named: bool) -> Built:
    """All operators of the SELECT; `named` asks for output columns with distinct names."""
    node = select.node
    projection = Projection(select, named)
    if not select.bound.sources:
        return Built(select.operators, projection.without_from())
    late = Relations(select).build()
    where = node.args.get("where")
    conditions = [*late, *([where.this] if where is not None else [])]
    if conditions:
        whole = conditions[0] if len(conditions) == 1 else _bracketed(conditions[0])
        for part in conditions[1:]:
            whole = exp.And(this=whole, expression=_bracketed(part))
        select.add(op.Where(select.write(whole, select.view)), "WHERE", *late)
    if is_aggregate(node):
        Aggregation(select).build()
    elif node.args.get("having") is not None:
        raise UnsupportedSql("HAVING without aggregation")
    names = projection.build()
    return Built(select.operators, names, loose=select.loose)


class Relations:
    """Adds FROM and the JOINs to a SELECT's operators, and what they show to its view."""

    def __init__(self, select: SelectBuilder) -> None:
        self.select = select
        self.node = select.node
        self.sources = select.bound.sources
        self.view = select.view
        nested = self.view.outer is not None and self._is_correlated()
        self.taken = (select.names_around() if nested else set()) | self._shadows()
        self.tables = {source.table.lower() for source in self.sources if source.table}

    def build(self) -> list[exp.Expr]:
        """Append the operators; gives conditions of inner joins that have to wait for tables behind them."""
        joins = self.node.args.get("joins") or []
        conditions, late = self._in_sight(joins)
        self._first(self.sources[0])
        for join, source, condition in zip(joins, self.sources[1:], conditions, strict=True):
            self._join(join, source, condition)
        return late

    def _first(self, source: Source) -> None:
        """FROM: a table, or a derived table, whose operators come first."""
        select = self.select
        if isinstance(source.node, exp.Table):
            select.add(op.From(self._table(source)), "FROM", source.node)
            select.loose = True
            return
        built = select.queries.query(source.node.this, self.view.outer, named=True)
        if built.ctes:
            table = _derived(built.query(), self._variable(source, "t"))
            select.add(op.From(table), "FROM", source.node)
        else:
            select.operators.extend(built.operators)
            kept = select.bindings.keep_names and source.alias
            named = built.loose or len(self.sources) > 1 or self._nests_outside(source.node) or kept
            if named and not is_one_row(source.node):
                select.add(op.As(self._variable(source, "t")), "FROM", source.node)
        self._show(source, built.names)

    def _nests_outside(self, derived: exp.Expr) -> bool:
        """Whether a query nested in this SELECT, other than the derived table, may name its columns."""
        inside = {id(query) for query in derived.find_all(exp.Query)}
        return any(query is not self.node and id(query) not in inside for query in self.node.find_all(exp.Query))

    def _join(self, join: exp.Join, source: Source, condition: exp.Expr | None) -> None:
        """One JOIN; a join without a condition is a CROSS JOIN."""
        select = self.select
        if isinstance(source.node, exp.Table):
            written: exp.Expr = self._table(source)
        else:
            built = select.queries.query(source.node.this, self.view.outer, named=True)
            written = _derived(built.query(), self._variable(source, "t"))
            self._show(source, built.names)
        kind = join.side or ("CROSS" if condition is None else "")
        on = None if condition is None else select.write(condition, self.view)
        if kind in ("LEFT", "RIGHT", "FULL") and on is None:
            on = exp.Boolean(this=True)
        select.add(op.Join(kind, written, on), "JOIN", join)

    def _in_sight(self, joins: list[exp.Join]) -> tuple[list[exp.Expr | None], list[exp.Expr]]:
        """Each join's condition; one that names a table to its right moves to that table's join, if all are inner.

        Beside a LEFT JOIN it waits until all tables are there, as it does in SQLite: ON of an inner join is WHERE
        (https://sqlite.org/lang_select.html#fromclause).
        """
        conditions = self.select.bound.conditions
        order = {source.id: number for number, source in enumerate(self.sources)}
        out: list[exp.Expr | None] = [None] * len(joins)
        late: list[exp.Expr] = []
        for number, condition in enumerate(conditions):
            if condition is None:
                continue
            last = max([order[c.table] for c in condition.find_all(exp.Column) if c.table in order], default=0) - 1
            if last > number and any(j.side for j in joins):
                if joins[number].side or any(j.side != "LEFT" for j in joins if j.side):
                    raise UnsupportedSql("an ON that names a later table, in or beside an outer join")
                late.append(condition)
                continue
            at = max(last, number)
            held = out[at]
            out[at] = condition if held is None else exp.And(this=_bracketed(held), expression=_bracketed(condition))
        return out, late

    def _table(self, source: Source) -> exp.Table:
        queries = self.select.queries
        spelt = source.node.name if self.select.bindings.keep_names else source.table
        table = exp.Table(this=identifier(spelt))
        name = self._variable(source, source.table)
        if name != spelt:
            table.set("alias", exp.TableAlias(this=identifier(name)))
        if source.is_cte:
            names = queries.cte_names[source.table.lower()]
        else:
            known = queries.bindings.schema.table(source.table)
            names = [c.name for c in known.columns] if known is not None and source.renamed else []
        self._show(source, names or [c.name for c in source.columns])
        return table

    def _variable(self, source: Source, base: str) -> str:
        """The range variable: the table's own name unless another one has it, or the query's own is asked for."""
        if self.select.bindings.keep_names and source.alias:
            base = source.alias
        taken = {v.lower() for v in self.view.variables.values()} | self.taken | (self.tables - {source.table.lower()})
        name = unique(base, taken)
        self.view.variables[source.id] = name
        return name

    def _show(self, source: Source, names: list[str]) -> None:
        shown: dict[str, str] = {}
        for bound, name in zip(source.columns, names, strict=True):
            shown.setdefault(bound.name.lower(), name)
        self.view.columns[source.id] = shown

    def _shadows(self) -> set[str]:
        """Columns of nested queries that name columns of this one: there a range variable of that name is hidden."""
        nested = [q for q in self.node.find_all(exp.Select) if q is not self.node]
        own = {s.id for s in self.sources}
        if not any(c.args.get("table") and c.table in own for q in nested for c in q.find_all(exp.Column)):
            return set()
        bound = self.select.bindings.bound
        return {c.name.lower() for q in nested for s in bound(q).sources for c in s.columns}

    def _is_correlated(self) -> bool:
        bound = self.select.bindings.bound
        own = {s.id for q in self.node.find_all(exp.Select) for s in bound(q).sources}
        return any(c.table and c.table not in own for c in self.node.find_all(exp.Column))


def _bracketed(condition: exp.Expr) -> exp.Expr:
    """The condition as one side of AND."""
    return exp.Paren(this=condition) if isinstance(condition, exp.Or) else condition


def _derived(query: PipeQuery, name: str) -> exp.Subquery:
    return exp.Subquery(this=nest(query), alias=exp.TableAlias(this=identifier(name)))
