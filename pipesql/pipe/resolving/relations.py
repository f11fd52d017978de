"""Where tables come from while names are resolved: FROM, JOIN, WITH, set operations and recursion.

The tables of WITH RECURSIVE are put into an order in which each follows those that it reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import position_of
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.query import Cte, Part, PipeQuery, Subpipeline, nested
from pipesql.pipe.resolving.names import Names
from pipesql.pipe.resolving.resolved import CteTable, Resolved, Source, Tables
from pipesql.pipe.resolving.set_operations import Arm, Missing, match_arms
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn, Variable, join_scopes, unknown_name
from pipesql.pipe.walk import expressions, own_parts, tables_read


class Relations(ABC):
    """The part of a resolver that knows tables.

    `ctes` are the defined tables in sight, `own` those of this very query, `outer` the scopes around it; `recursive` is
    the table that the query itself is and that its closing UNION reads.
    """

    out: Resolved
    names: Names

    def __init__(
        self,
        schema: Schema,
        tables: Tables,
        ctes: dict[str, CteTable],
        outer: tuple[Scope, ...],
        recursive: CteTable | None = None,
    ) -> None:
        self.schema = schema
        self.tables = tables
        self.ctes = ctes
        self.outer = outer
        self.recursive = recursive
        self.own: list[CteTable] = []

    @abstractmethod
    def inside(
        self,
        query: PipeQuery,
        outer: tuple[Scope, ...],
        ctes: dict[str, CteTable] | None = None,
        recursive: CteTable | None = None,
    ) -> Resolved:
        """A nested query, which sees `ctes` (default: those in sight) and the scopes `outer`."""

    def source(self, node: exp.Expr) -> Scope:
        """The scope of a table, CTE or nested query in FROM or JOIN."""
        _require_readable(node)
        alias, cte = node.alias, None
        variables: dict[str, Variable] = {}
        if isinstance(node, exp.Subquery):
            query = nested(node.this)
            if query is None:
                raise SqlError("a query in FROM must be a pipe query: write (FROM … |> …)")
            body = self.inside(query, self.outer)
            self.out.nested[id(node.this)] = body
            self.out.outer |= body.outer
            columns = body.last.columns
            variables = shown_variables(body.last)
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.args.get("db"):
                raise UnknownName(f"no table {node.sql('bigquery')}: name it without a database", node.name)
            cte = self.tables.bound.get(id(node))
            if cte is None:
                alias = alias or node.name
                cte = self.ctes.get(node.name.lower())
            columns = self._table(node) if cte is None else cte.read()
        else:
            raise SqlError(f"cannot read from {node.sql('bigquery')}: a table or a pipe query in brackets is expected")
        self.out.sources[id(node)] = Source(columns, cte)
        return Scope(columns, {alias.lower(): Variable(alias, columns)} if alias else variables)

    def _table(self, node: exp.Table) -> tuple[ScopeColumn, ...]:
        name = node.name
        table = self.schema.table(name)
        if table is None:
            known = [*(t.name for t in self.schema), *(c.name for c in self.ctes.values())]
            error = unknown_name(name, "table", name, known)
            error.position = position_of(node)
            raise error
        self.tables.read.add(name.lower())
        kinds = zip(table.columns, table.kinds, strict=True)
        return tuple([ScopeColumn(c.name, kind, (table.name, c.name)) for c, kind in kinds])

    def join(self, operator: op.Join, scope: Scope) -> Scope:
        """JOIN: both tables; columns of USING, or of both sides with NATURAL, once."""
        right = self.source(operator.source)
        using = operator.using
        conditioned = operator.on is not None or bool(using)
        if operator.natural:
            if conditioned:
                raise SqlError("NATURAL JOIN takes neither ON nor USING")
            names = {c.name.lower() for c in right.columns}
            using = tuple(c.name for c in scope.columns if c.name and c.name.lower() in names)
        elif conditioned is (operator.kind == "CROSS"):
            raise SqlError(
                f"{operator.kind} JOIN ".lstrip() + ("takes no condition" if conditioned else "needs ON or USING")
            )
        self.out.using[id(operator)] = using
        joined = join_scopes(scope, right, operator.kind, using)
        for name, merged in zip(using, joined.columns, strict=False):
            self.out.uses[-1] |= {scope.find(name), right.find(name), merged}
        if operator.on is not None:
            self.names.scalar(operator.on, joined, "JOIN … ON", windows=False)
        return joined

    def combine(self, operator: op.SetOperation, scope: Scope) -> Scope:
        """UNION, INTERSECT, EXCEPT: the columns of the left, by position or by name."""
        self.out.uses[-1] |= set(scope.columns)
        if self.recursive is not None and operator.kind == "UNION":
            self.recursive.columns = scope.columns
            self.ctes = {**self.ctes, self.recursive.name.lower(): self.recursive}
        inputs = [scope.columns]
        for query in operator.queries:
            body = self.inside(query, self.outer)
            self.out.nested[id(query)] = body
            self.out.outer |= body.outer
            inputs.append(body.last.columns)
            if self.recursive is not None:
                require_repeatable(body, self.recursive)
        arms = self.out.arms[id(operator)] = match_arms(operator, inputs)
        return Scope(_combined(arms))

    def define(self, operator: op.With) -> None:
        """WITH: the tables are in sight for what follows."""
        names = [cte.name.lower() for cte in operator.ctes]
        for cte in operator.ctes:
            if names.count(cte.name.lower()) > 1:
                raise SqlError(f"two tables of this WITH are called {cte.name}: rename one")
        self.ctes = dict(self.ctes)
        for cte in in_order(operator.ctes) if operator.recursive else operator.ctes:
            table = self._defined(cte.name)
            reading = table if operator.recursive and reads_itself(cte) else None
            table.body = self.inside(cte.query, (), recursive=reading)
            table.columns = table.body.last.columns
            self.out.ctes[id(cte)] = table
            self.ctes[cte.name.lower()] = table

    def _defined(self, name: str) -> CteTable:
        table = self.tables.define(name, (*self.ctes.values(), *self.own))
        self.own.append(table)
        return table

    def recursive_union(self, operator: op.RecursiveUnion, scope: Scope) -> Scope:
        """RECURSIVE UNION: its query sees the new rows as a table, by its name or as what it goes on from."""
        if operator.matching == "CORRESPONDING":
            raise SqlError("RECURSIVE UNION matches by position or BY NAME, not CORRESPONDING")
        self.out.uses[-1] |= set(scope.columns)
        table = self._defined(operator.alias or "recursion")
        table.columns = scope.columns
        query, ctes = operator.query, self.ctes
        if isinstance(query, Subpipeline):
            node = exp.Table(this=identifier(table.name))
            if operator.alias:
                node.set("alias", exp.TableAlias(this=identifier(operator.alias)))
            self.tables.bound[id(node)] = table
            query = PipeQuery((op.From(node), *query.operators))
        elif operator.alias:
            ctes = {**ctes, operator.alias.lower(): table}
        body = self.inside(query, self.outer, ctes)
        require_repeatable(body, table)
        self.out.nested[id(operator)] = body
        self.out.ctes[id(operator)] = table
        self.out.outer |= body.outer
        if body.outer:
            raise UnsupportedSql("RECURSIVE UNION that names columns of a query around it")
        arms = self.out.arms[id(operator)] = match_arms(operator, [scope.columns, body.last.columns])
        columns = _combined(arms)
        alias = operator.alias
        return Scope(columns, {alias.lower(): Variable(alias, columns)} if alias else {})


def _require_readable(node: exp.Expr) -> None:
    """Raise UnsupportedSql for a table expression that is neither a table nor a query: it is refused by name."""
    match node:
        case exp.Unnest():
            raise UnsupportedSql("UNNEST in FROM", "not every engine reads an array as a table")
        case exp.Lateral():
            raise UnsupportedSql("LATERAL", "a joined query cannot name columns of the tables beside it")
        case exp.Table(this=exp.Func() as function):
            raise UnsupportedSql("a table function in FROM", function.sql("bigquery")[:60])
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        raise UnsupportedSql(
            "names of columns behind a table's alias", f"{alias.name}({', '.join(c.name for c in alias.columns)})"
        )
    for clause in ("pivots", "sample", "when", "version", "only", "ordinality"):
        if node.args.get(clause):
            raise UnsupportedSql(f"{clause.rstrip('s').upper()} behind a table", "write it as a pipe operator")


def shown_variables(scope: Scope) -> dict[str, Variable]:
    """The range variables, with those of their columns alone that the table gives."""
    out = {}
    for key, variable in scope.variables.items():
        columns = tuple(c for c in variable.columns if c in scope.columns)
        if columns:
            out[key] = Variable(variable.name, columns)
    return out


def _combined(arms: list[Arm]) -> tuple[ScopeColumn, ...]:
    """The columns of a set operation: called as in the first input that has them, of one kind if all are."""
    out = []
    for place in zip(*arms, strict=True):
        present = [c for c in place if not isinstance(c, Missing)]
        kinds = {c.kind for c in present if c.kind}
        out.append(ScopeColumn(present[0].name, present[0].kind if len(kinds) < 2 else ""))
    return tuple(out)


def in_order(ctes: tuple[Cte, ...]) -> list[Cte]:
    """The tables, each behind those that it reads. Raises UnsupportedSql where several read each other."""
    reads = {cte.name.lower(): _tables_read(cte.query) - {cte.name.lower()} for cte in ctes}
    out: list[Cte] = []
    left = list(ctes)
    while left:
        waiting = {cte.name.lower() for cte in left}
        ready = [cte for cte in left if not reads[cte.name.lower()] & waiting]
        if not ready:
            raise UnsupportedSql("tables of WITH RECURSIVE that read each other", ", ".join(c.name for c in left))
        out.append(ready[0])
        left.remove(ready[0])
    return out


def reads_itself(cte: Cte) -> bool:
    """Whether the table's query reads the table. Raises SqlError where that is not in a closing UNION."""
    name = cte.name.lower()
    if name not in _tables_read(cte.query):
        return False
    *before, last = cte.query.operators
    if isinstance(last, op.Block):
        return True
    if not isinstance(last, op.SetOperation) or last.kind != "UNION" or len(last.queries) != 1 or not before:
        raise SqlError(f"{cte.name} reads itself: its query must end with |> UNION ALL|DISTINCT (one query)")
    if any(name in _tables_read(operator) for operator in before):
        raise SqlError(f"{cte.name} reads itself before its last UNION")
    return True


def require_repeatable(body: Resolved, table: CteTable) -> None:
    """Raise SqlError where the rows that a recursive query makes would depend on more than single new rows."""
    if not _reads(body, table):
        return
    for operator in body.operators:
        if isinstance(operator, _WHOLE) or (isinstance(operator, op.Select) and operator.distinct):
            raise SqlError(f"{op.keyword(operator)} cannot stand in a recursive query: it needs all rows at once")
        if any(part.find(exp.Window) for part in expressions(operator, own_parts)):
            raise SqlError("a window function cannot stand in a recursive query: it needs all rows at once")
        if isinstance(operator, op.Join) and operator.kind in ("LEFT", "RIGHT", "FULL"):
            right = body.sources[id(operator.source)].cte is table
            if operator.kind == "FULL" or right is (operator.kind == "LEFT"):
                raise SqlError(f"{table.name} stands on the side of a {operator.kind} JOIN that may be missing")
    for inner in body.nested.values():
        require_repeatable(inner, table)


_WHOLE = (op.Aggregate, op.Distinct, op.Limit, op.OrderBy, op.TableSample)


def _reads(body: Resolved, table: CteTable) -> bool:
    """Whether a resolved query, or one nested in it, reads the table."""
    here = any(source.cte is table for source in body.sources.values())
    return here or any(_reads(inner, table) for inner in body.nested.values())


def _tables_read(part: Part) -> set[str]:
    """The names, in lower case, of the tables that a query or an operator reads, nested queries included."""
    return {name.lower() for name in tables_read(part)}
