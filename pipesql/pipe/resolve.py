"""Name resolution: each operator's columns, and for each name in it the column that it means.

Rules of visibility are those of design.md §3, measured in Google's implementation: an operator sees its input
table's columns only; SELECT, AGGREGATE, set operations and AS end the range variables before them; after SET, DROP
and RENAME `t.x` still is the original value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName
from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn, Variable, join_scopes
from pipesql.pipe.types import kind_of


@dataclass
class Resolved:
    """A query with the meaning of its names. Keys of the maps are `id()`s of nodes held by `query`."""

    query: PipeQuery
    scopes: list[Scope] = field(default_factory=list)
    columns: dict[int, ScopeColumn] = field(default_factory=dict)
    stars: dict[int, tuple[ScopeColumn, ...]] = field(default_factory=dict)
    nested: dict[int, Resolved] = field(default_factory=dict)
    ctes: dict[str, Resolved] = field(default_factory=dict)
    uses: list[set[ScopeColumn]] = field(default_factory=list)
    """For each operator the columns that it names, those that nested queries take from here included."""
    outer: set[ScopeColumn] = field(default_factory=set)
    """Columns of enclosing queries that this one names."""


def resolve(query: PipeQuery, schema: Schema) -> list[Scope]:
    """The scope after each operator. Raises UnknownName or SqlError, with the operator's number."""
    return resolve_names(query, schema).scopes


def resolve_names(query: PipeQuery, schema: Schema) -> Resolved:
    """Every name's meaning, for lowering. Raises UnknownName or SqlError."""
    return _Resolver(schema, {}, ()).query(query)


class _Resolver:
    def __init__(self, schema: Schema, ctes: dict[str, tuple[ScopeColumn, ...]], outer: tuple[Scope, ...]) -> None:
        self.schema = schema
        self.ctes = ctes
        self.outer = outer

    def query(self, query: PipeQuery) -> Resolved:
        out = Resolved(query)
        if query.ctes:
            self.ctes = dict(self.ctes)
        for cte in query.ctes:
            body = _Resolver(self.schema, self.ctes, self.outer).query(cte.query)
            out.ctes[cte.name.lower()] = body
            out.outer |= body.outer
            self.ctes[cte.name.lower()] = body.scopes[-1].columns
        self.out = out
        scope = Scope(())
        for number, operator in enumerate(query.operators, 1):
            out.uses.append(set())
            try:
                scope = self.step(operator, scope, number == 1)
            except UnknownName as e:
                if e.operator is None:
                    e.operator = number
                    e.args = (f"operator {number}: {e.args[0]}",)
                raise
            out.scopes.append(scope)
        return out

    def step(self, operator: op.Operator, scope: Scope, first: bool) -> Scope:
        """The scope after one operator, names inside it resolved."""
        match operator:
            case op.From(source):
                return self.source(source)
            case op.Join(_, source, on, using):
                joined = join_scopes(scope, self.source(source), using)
                for u in using:
                    self.out.uses[-1] |= {scope.find(u), *(c for c in joined.columns if c.name.lower() == u.lower())}
                if on is not None:
                    self.scalar(on, joined, "JOIN … ON")
                return joined
            case op.Where(condition):
                self.scalar(condition, scope, "WHERE")
                return Scope(scope.columns, scope.variables)
            case op.Extend(items):
                new = tuple(c for item in items for c in self.item(item, scope, "EXTEND"))
                return Scope((*scope.columns, *new), scope.variables, scope.ordered)
            case op.Set(assignments):
                changed = {}
                for name, value in assignments:
                    self.scalar(value, scope, "SET")
                    changed[scope.find(name)] = ScopeColumn(scope.find(name).name, self.kind(value))
                return Scope(tuple(changed.get(c, c) for c in scope.columns), scope.variables, scope.ordered)
            case op.Drop(names):
                gone = {scope.find(n) for n in names}
                kept = tuple(c for c in scope.columns if c not in gone)
                if not kept:
                    raise SqlError("DROP leaves no column")
                return Scope(kept, scope.variables, scope.ordered)
            case op.Rename(pairs):
                renamed = {c: ScopeColumn(b, c.kind, c.origin) for a, b in pairs for c in [scope.find(a)]}
                self.out.uses[-1] |= renamed.keys()
                return Scope(tuple(renamed.get(c, c) for c in scope.columns), scope.variables, scope.ordered)
            case op.Select(items, distinct):
                if first and any(i.is_star for i in items):
                    raise SqlError("SELECT * needs a table: start with FROM")
                new = tuple(c for item in items for c in self.item(item, scope, "SELECT"))
                return Scope(new, {}, scope.ordered and not distinct)
            case op.Aggregate(items, keys):
                grouped = tuple(c for key in keys for c in self.item(key, scope, "GROUP BY"))
                made = tuple(self.aggregate(item, scope) for item in items)
                return Scope((*grouped, *made))
            case op.OrderBy(keys):
                for key in keys:
                    self.scalar(key, scope, "ORDER BY", ordinals=True)
                return Scope(scope.columns, scope.variables, ordered=True)
            case op.Limit():
                return scope
            case op.Distinct():
                self.out.uses[-1] |= set(scope.columns)
                return Scope(scope.columns, scope.variables)
            case op.SetOperation(kind, _, queries):
                return self.set_operation(kind, queries, scope)
            case op.As(name):
                return Scope(scope.columns, {name.lower(): Variable(name, scope.columns)}, scope.ordered)

    def source(self, node: exp.Expr) -> Scope:
        """The scope of a table, CTE or nested query in FROM or JOIN."""
        alias = node.alias
        if isinstance(node, exp.Subquery):
            query = nested(node.this)
            if query is None:
                raise SqlError("a query in FROM must be a pipe query: write (FROM … |> …)")
            body = _Resolver(self.schema, self.ctes, self.outer).query(query)
            self.out.nested[id(node.this)] = body
            self.out.outer |= body.outer
            columns = body.scopes[-1].columns
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.args.get("db"):
                raise UnknownName(f"no table {node.sql('bigquery')}: name it without a database", node.name)
            columns = self.table(node.name)
            alias = alias or node.name
        else:
            raise SqlError(f"cannot read from {node.sql('bigquery')}: a table or a pipe query in brackets is expected")
        return Scope(columns, {alias.lower(): Variable(alias, columns)} if alias else {})

    def table(self, name: str) -> tuple[ScopeColumn, ...]:
        cte = self.ctes.get(name.lower())
        if cte is not None:
            return tuple(ScopeColumn(c.name, c.kind, c.origin) for c in cte)
        table = self.schema.table(name)
        if table is None:
            names = [t.name for t in self.schema] + list(self.ctes)
            raise Scope._unknown(name, "table", name, names)
        return tuple(ScopeColumn(c.name, c.kind, (table.name, c.name)) for c in table.columns)

    def item(self, node: exp.Expr, scope: Scope, where: str) -> tuple[ScopeColumn, ...]:
        """The columns that one SELECT, EXTEND or GROUP BY item gives."""
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            return self.star(node, scope)
        self.scalar(node, scope, where)
        inner = node.unalias()
        if isinstance(inner, exp.Column):
            column = self.out.columns[id(inner)]
            if not isinstance(node, exp.Alias) and column in scope.columns:
                return (column,)
            return (ScopeColumn(node.alias_or_name, column.kind, column.origin),)
        return (ScopeColumn(node.alias, self.kind(inner)),)

    def star(self, node: exp.Expr, scope: Scope) -> tuple[ScopeColumn, ...]:
        if isinstance(node, exp.Column):
            variable = scope.variables.get(node.table.lower())
            if variable is None:
                raise Scope._unknown(f"{node.table}.*", "range variable", node.table, list(scope.variables))
            columns = variable.columns
            star = node.this
        else:
            columns, star = scope.columns, node
        if star.args.get("replace") or star.args.get("rename"):
            raise SqlError("SELECT * REPLACE is not read yet: use |> SET")
        dropped = {e.name.lower() for e in star.args.get("except_") or []}
        columns = tuple(c for c in columns if c.name.lower() not in dropped)
        self.out.stars[id(node)] = columns
        self.out.uses[-1] |= set(columns)
        return columns

    def aggregate(self, node: exp.Expr, scope: Scope) -> ScopeColumn:
        self.scalar(node, scope, "AGGREGATE", aggregates=True)
        if not any(_own_aggregate(a) for a in node.find_all(exp.AggFunc)) and not node.find(exp.Anonymous):
            raise SqlError(f"AGGREGATE takes aggregate functions only, not {node.sql('bigquery')}: group by it instead")
        return ScopeColumn(node.alias, self.kind(node.unalias()))

    def scalar(
        self, node: exp.Expr, scope: Scope, where: str, aggregates: bool = False, ordinals: bool = False
    ) -> None:
        """Resolve every name in an expression."""
        for part in node.walk():
            if isinstance(part, exp.Column):
                self.column(part, scope)
            elif isinstance(part, exp.Select | exp.SetOperation):
                raise SqlError("a subquery must be a pipe query: write (FROM … |> …), not (SELECT …)")
            elif isinstance(part, exp.Placeholder):
                query = nested(part)
                if query is None:
                    raise SqlError("query parameters cannot stand in pipe SQL here")
                body = _Resolver(self.schema, self.ctes, (*self.outer, scope)).query(query)
                self.out.nested[id(part)] = body
                own = {c for c in body.outer if c in self._reachable(scope)}
                self.out.uses[-1] |= own
                self.out.outer |= body.outer - own
            elif isinstance(part, exp.AggFunc) and not aggregates and _own_aggregate(part):
                raise SqlError(f"{part.sql('bigquery')} cannot stand in {where}: compute it with |> AGGREGATE first")
            elif isinstance(part, exp.Ordered) and ordinals and isinstance(part.this, exp.Literal):
                raise SqlError("ORDER BY takes expressions, not positions: name the column")

    @staticmethod
    def _reachable(scope: Scope) -> set[ScopeColumn]:
        return set(scope.columns).union(*(v.columns for v in scope.variables.values()))

    def column(self, node: exp.Column, scope: Scope) -> None:
        if isinstance(node.this, exp.Star):
            raise SqlError(f"{node.sql('bigquery')} cannot stand inside an expression")
        if node.args.get("db"):
            raise UnknownName(f"no column {node.sql('bigquery')}: qualify with one name", node.name)
        name, qualifier = node.name, node.table
        for depth, level in enumerate((scope, *reversed(self.outer))):
            if level.has(name, qualifier) and (depth == 0 or not qualifier or self._holds(level, name, qualifier)):
                found = level.find(name, qualifier)
                (self.out.outer if depth else self.out.uses[-1]).add(found)
                self.out.columns[id(node)] = found
                return
        scope.find(name, qualifier)  # raises, with the nearest names

    @staticmethod
    def _holds(level: Scope, name: str, qualifier: str) -> bool:
        return any(c.name.lower() == name.lower() for c in level.variables[qualifier.lower()].columns)

    def set_operation(self, kind: str, queries: tuple[PipeQuery, ...], scope: Scope) -> Scope:
        self.out.uses[-1] |= set(scope.columns)
        for query in queries:
            body = _Resolver(self.schema, self.ctes, self.outer).query(query)
            self.out.nested[id(query)] = body
            self.out.outer |= body.outer
            found, wanted = len(body.scopes[-1].columns), len(scope.columns)
            if found != wanted:
                raise SqlError(f"{kind} needs queries of the same width: {wanted} columns before, {found} in it")
        return Scope(tuple(ScopeColumn(c.name, c.kind) for c in scope.columns))

    def kind(self, node: exp.Expr) -> str:
        return kind_of(node, lambda c: self.out.columns[id(c)].kind if id(c) in self.out.columns else "")


def _own_aggregate(node: exp.AggFunc) -> bool:
    """An aggregate function of this level: not the function of a window."""
    parent = node.parent
    while isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        parent = parent.parent
    window_function = isinstance(parent, exp.Window) and parent.this is not None and node.parent is not None
    return not window_function
