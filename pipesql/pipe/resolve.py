"""Name resolution: each operator's columns, and for each name in it the column that it means.

Rules of visibility, measured in Google's implementation: an operator sees its input table's columns only; SELECT,
AGGREGATE, set operations and AS end the range variables before them; after SET, DROP and RENAME `t.x` still is the
original value.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.block_scope import resolve_block
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.forms import refuse_forms
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.resolved import Names, Resolved
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn, Variable, join_scopes, unknown_name


def resolve(query: PipeQuery, schema: Schema) -> list[Scope]:
    """The scope after each operator. Raises UnknownName or SqlError, with the operator's number."""
    return resolve_names(query, schema).scopes


@depth_bounded
def resolve_names(query: PipeQuery, schema: Schema) -> Resolved:
    """Every name's meaning, for lowering. Raises UnknownName or SqlError."""
    return _Resolver(schema, {}, ()).query(query)


class _Resolver:
    """Resolves one query. `ctes` are the columns of those in sight, `outer` the scopes around it."""

    def __init__(self, schema: Schema, ctes: dict[str, tuple[ScopeColumn, ...]], outer: tuple[Scope, ...]) -> None:
        self.schema = schema
        self.ctes = ctes
        self.outer = outer

    def query(self, query: PipeQuery) -> Resolved:
        """The meaning of all names in the query."""
        self.out = Resolved(query)
        self.names = Names(self.out, self.outer, lambda nested, outer: self._inside(nested, outer))
        if query.ctes:
            self.ctes = dict(self.ctes)
        for cte in query.ctes:
            body = self._inside(cte.query, self.outer)
            self.out.ctes[cte.name.lower()] = body
            self.out.outer |= body.outer
            self.ctes[cte.name.lower()] = body.scopes[-1].columns
        scope = Scope(())
        for number, operator in enumerate(query.operators, 1):
            self.out.uses.append(set())
            self.out.lent.append(set())
            try:
                scope = self.step(operator, scope, number == 1)
            except UnknownName as e:
                if e.operator is None:
                    e.operator = number
                    e.args = (f"operator {number}: {e.args[0]}",)
                raise
            self.out.scopes.append(scope)
        return self.out

    def _inside(self, query: PipeQuery, outer: tuple[Scope, ...]) -> Resolved:
        return _Resolver(self.schema, self.ctes, outer).query(query)

    def step(self, operator: op.Operator, scope: Scope, first: bool) -> Scope:
        """The scope after one operator, names inside it resolved."""
        names = self.names
        refuse_forms(operator)
        match operator:
            case op.From(source, joins):
                self.out.joined = [self.source(source)]
                for join in joins:
                    self.out.joined.append(self.join(join, self.out.joined[-1]))
                return self.out.joined[-1]
            case op.Block(standard):
                return resolve_block(standard, self)
            case op.Join():
                return self.join(operator, scope)
            case op.Where(condition):
                names.scalar(condition, scope, "WHERE")
                return Scope(scope.columns, scope.variables)
            case op.Extend(items):
                new = names.items(items, scope, "EXTEND")
                return Scope((*scope.columns, *new), scope.variables, scope.ordered and not _has_window(items))
            case op.Set(assignments):
                return self.assign(assignments, scope)
            case op.Drop(dropped):
                gone = {scope.find(n) for n in dropped}
                kept = tuple(c for c in scope.columns if c not in gone)
                if not kept:
                    raise SqlError("DROP leaves no column")
                return Scope(kept, scope.variables, scope.ordered)
            case op.Rename(pairs):
                return self.rename(pairs, scope)
            case op.Select(items, distinct):
                if first and any(i.is_star for i in items):
                    raise SqlError("SELECT * needs a table: start with FROM")
                ordered = scope.ordered and not distinct and not _has_window(items)
                return Scope(names.items(items, scope, "SELECT"), {}, ordered)
            case op.Aggregate(items, keys):
                if any(isinstance(key.unalias(), exp.Literal | exp.Null | exp.Boolean) for key in keys):
                    raise SqlError("GROUP BY takes columns and expressions, neither constants nor positions")
                grouped = names.items(keys, scope, "GROUP BY")
                return Scope((*grouped, *(names.aggregate(item, scope) for item in items)))
            case op.OrderBy(keys):
                return self.sort(keys, scope)
            case op.Limit():
                return scope
            case op.Distinct():
                self.out.uses[-1] |= set(scope.columns)
                return Scope(scope.columns, scope.variables)
            case op.SetOperation():
                return self.combine(operator, scope)
            case op.As(name):
                return Scope(scope.columns, {name.lower(): Variable(name, scope.columns)}, scope.ordered)
            case _:
                raise UnsupportedSql(f"the operator {op.keyword(operator)}", f"operator {len(self.out.scopes) + 1}")

    def join(self, operator: op.Join, scope: Scope) -> Scope:
        """JOIN: both tables; columns of USING once."""
        refuse_forms(operator)
        right = self.source(operator.source)
        joined = join_scopes(scope, right, operator.kind, operator.using)
        for name, merged in zip(operator.using, joined.columns, strict=False):
            self.out.uses[-1] |= {scope.find(name), right.find(name), merged}
        if operator.on is not None:
            self.names.scalar(operator.on, joined, "JOIN … ON", windows=False)
        return joined

    def assign(self, assignments: tuple[tuple[str, exp.Expr], ...], scope: Scope) -> Scope:
        """SET: other columns in the same places."""
        changed = {}
        for name, value in assignments:
            self.names.scalar(value, scope, "SET")
            changed[scope.find(name)] = ScopeColumn(scope.find(name).name, self.out.kind(value))
        ordered = scope.ordered and not _has_window(tuple(value for _, value in assignments))
        return Scope(tuple(changed.get(c, c) for c in scope.columns), scope.variables, ordered)

    def rename(self, pairs: tuple[tuple[str, str], ...], scope: Scope) -> Scope:
        """RENAME: other names in the same places."""
        renamed = {c: ScopeColumn(new, c.kind, c.origin) for old, new in pairs for c in [scope.find(old)]}
        self.out.uses[-1] |= renamed.keys()
        return Scope(tuple(renamed.get(c, c) for c in scope.columns), scope.variables, scope.ordered)

    def sort(self, keys: tuple[exp.Expr, ...], scope: Scope) -> Scope:
        """ORDER BY."""
        for key in keys:
            self.names.scalar(key, scope, "ORDER BY")
            if isinstance(key.this, exp.Literal):
                raise SqlError("ORDER BY takes expressions, not positions: name the column")
        return Scope(scope.columns, scope.variables, ordered=True)

    def combine(self, operator: op.SetOperation, scope: Scope) -> Scope:
        """UNION, INTERSECT, EXCEPT: the columns of the left, by position."""
        self.out.uses[-1] |= set(scope.columns)
        for query in operator.queries:
            body = self._inside(query, self.outer)
            self.out.nested[id(query)] = body
            self.out.outer |= body.outer
            found, wanted = len(body.scopes[-1].columns), len(scope.columns)
            if found != wanted:
                raise SqlError(
                    f"{operator.kind} needs queries of the same width: {wanted} columns before, {found} in it"
                )
        return Scope(tuple(ScopeColumn(c.name, c.kind) for c in scope.columns))

    def source(self, node: exp.Expr) -> Scope:
        """The scope of a table, CTE or nested query in FROM or JOIN."""
        alias = node.alias
        if isinstance(node, exp.Subquery):
            query = nested(node.this)
            if query is None:
                raise SqlError("a query in FROM must be a pipe query: write (FROM … |> …)")
            body = self._inside(query, self.outer)
            self.out.nested[id(node.this)] = body
            self.out.outer |= body.outer
            columns = body.scopes[-1].columns
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.args.get("db"):
                raise UnknownName(f"no table {node.sql('bigquery')}: name it without a database", node.name)
            columns = self._table(node.name)
            alias = alias or node.name
        else:
            raise SqlError(f"cannot read from {node.sql('bigquery')}: a table or a pipe query in brackets is expected")
        return Scope(columns, {alias.lower(): Variable(alias, columns)} if alias else {})

    def _table(self, name: str) -> tuple[ScopeColumn, ...]:
        cte = self.ctes.get(name.lower())
        if cte is not None:
            return tuple(ScopeColumn(c.name, c.kind, c.origin) for c in cte)
        table = self.schema.table(name)
        if table is None:
            raise unknown_name(name, "table", name, [t.name for t in self.schema] + list(self.ctes))
        return tuple(ScopeColumn(c.name, c.kind, (table.name, c.name)) for c in table.columns)


def _has_window(items: tuple[exp.Expr, ...]) -> bool:
    """Computing a window function may reorder rows."""
    return any(item.find(exp.Window) is not None for item in items)
