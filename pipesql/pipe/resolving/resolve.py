"""Name resolution: each operator's columns, and for each name in it the column that it means.

Rules of visibility, measured in Google's implementation: an operator sees the columns of its input table alone; SELECT,
AGGREGATE, PIVOT, UNPIVOT, set operations and AS end the range variables before them; after SET, DROP and RENAME `t.x`
is still the original value. A query in brackets that has no name keeps its range variables.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import AtOperator, SqlError, UnsupportedSql, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import truth
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.resolving.block_scope import resolve_block
from pipesql.pipe.resolving.grouping import AggregateSets, require_grouped_by
from pipesql.pipe.resolving.names import Names
from pipesql.pipe.resolving.relations import Relations, shown_variables
from pipesql.pipe.resolving.resolved import CteTable, Resolved, Tables
from pipesql.pipe.resolving.shorthand import taken_apart
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn, Variable


def resolve(query: PipeQuery, schema: Schema) -> list[Scope]:
    """What is visible after each operator: one scope for every operator of the query, in its order.

    A scope holds the output columns (`ScopeColumn`: name, kind of values, the table's column that it copies unchanged),
    the range variables, and whether the order of rows is defined. That of the last operator is what the query gives.

    Raises UnknownName for a name that means nothing or several things, with the number of the operator (from 1) and
    the nearest names; UnsupportedSql for an operator that no engine is given; SqlError for what else GoogleSQL refuses.
    Every prefix of a query that resolves (`PipeQuery.prefixes`) resolves too.
    """
    return resolve_names(query, schema).written


@depth_bounded
def resolve_names(query: PipeQuery, schema: Schema) -> Resolved:
    """Every name's meaning, for lowering. Raises UnknownName or SqlError."""
    tables = Tables()
    resolved = _Resolver(schema, tables, {}, ()).query(query)
    tables.name_all()
    return resolved


class _Resolver(Relations):
    """Resolves one query, operator by operator."""

    number = 0
    """Of the operator, as written and from 1, that is being resolved."""

    def query(self, query: PipeQuery) -> Resolved:
        """The meaning of all names in the query."""
        self.out = Resolved(query)
        self.names = Names(self.out, self.outer, self.inside)
        scope = Scope(())
        if query.ctes:
            with AtOperator(1):
                scope = self.take(op.With(query.ctes, query.recursive), scope)
        for self.number, operator in enumerate(query.operators, 1):
            with AtOperator(self.number):
                scope = self.take(operator, scope)
            self.out.written.append(scope)
        return self.out

    def inside(
        self,
        query: PipeQuery,
        outer: tuple[Scope, ...],
        ctes: dict[str, CteTable] | None = None,
        recursive: CteTable | None = None,
    ) -> Resolved:
        """A nested query, which sees `ctes` (default: those in sight) and the scopes `outer`."""
        in_sight = self.ctes if ctes is None else ctes
        return _Resolver(self.schema, self.tables, in_sight, outer, recursive).query(query)

    def take(self, operator: op.Operator, scope: Scope) -> Scope:
        """The scope after one operator as written, which may be short for several."""
        match operator:
            case op.Nested(query, alias):
                ctes = (op.With(query.ctes, query.recursive),) if query.ctes else ()
                scope = self.apart((*ctes, *query.operators), Scope(()))
                return self.take(op.As(alias), scope) if alias else scope
            case op.If(branches, otherwise):
                chosen = next((part for condition, part in branches if truth(condition)), otherwise)
                return self.apart(chosen.operators, scope) if chosen is not None else scope
        steps = taken_apart(operator, scope, self.names)
        if steps is None:
            return self.step(operator, scope)
        try:
            part = next(steps)
            while True:
                scope = self.take(part, scope)
                part = steps.send(scope)
        except StopIteration:
            return Scope(scope.columns, scope.variables) if isinstance(operator, op.From) else scope

    def apart(self, operators: tuple[op.Operator, ...], scope: Scope) -> Scope:
        """The scope after operators whose WITH nobody else sees."""
        in_sight = self.ctes
        for operator in operators:
            scope = self.take(operator, scope)
        self.ctes = in_sight
        return scope

    def step(self, operator: op.Operator, scope: Scope) -> Scope:
        """The scope after one operator that is short for nothing else; it is noted for lowering."""
        out = self.out
        out.operators.append(operator)
        out.numbers.append(self.number)
        out.uses.append(set())
        out.lent.append(set())
        after = self.after(operator, scope)
        out.scopes.append(after)
        return after

    def after(self, operator: op.Operator, scope: Scope) -> Scope:
        """The scope after it, names inside it resolved."""
        names = self.names
        match operator:
            case op.From(source):
                return self.source(source)
            case op.Block(standard):
                return resolve_block(standard, self)
            case op.Join():
                return self.join(operator, scope)
            case op.Where(condition):
                names.scalar(condition, scope, "WHERE")
                return Scope(scope.columns, scope.variables)
            case op.Assert(condition, messages):
                for part in (condition, *messages):
                    names.scalar(part, scope, "ASSERT", windows=False)
                return Scope(scope.columns, scope.variables)
            case op.Extend(items):
                new = names.items(items, scope, "EXTEND")
                return Scope((*scope.columns, *new), scope.variables, scope.ordered and not _has_window(items))
            case op.Set(assignments):
                return self.assign(assignments, scope)
            case op.Drop(dropped):
                gone = {scope.find(n) for n in _different(dropped, "DROP")}
                kept = tuple(c for c in scope.columns if c not in gone)
                if not kept:
                    raise SqlError("DROP leaves no column")
                return Scope(kept, scope.variables, scope.ordered)
            case op.Rename(pairs):
                return self.rename(pairs, scope)
            case op.Select():
                return self.select(operator, scope)
            case op.Aggregate():
                return self.aggregate(operator, scope)
            case op.OrderBy(keys):
                return self.sort(keys, scope)
            case op.Limit(count, offset):
                if not (isinstance(count, int) and isinstance(offset, int)):
                    raise UnsupportedSql("LIMIT with a computed count")
                return scope
            case op.Distinct():
                self.out.uses[-1] |= set(scope.columns)
                return Scope(scope.columns, shown_variables(scope))
            case op.TableSample(partition=partition, weight=weight):
                if partition or weight is not None:
                    raise UnsupportedSql("TABLESAMPLE WITH WEIGHT or PARTITION BY")
                return Scope(scope.columns, scope.variables)
            case op.SetOperation():
                return self.combine(operator, scope)
            case op.RecursiveUnion():
                return self.recursive_union(operator, scope)
            case op.With():
                self.define(operator)
                return scope
            case op.As(name):
                return Scope(scope.columns, {name.lower(): Variable(name, scope.columns)}, scope.ordered)
            case _:
                raise UnsupportedSql(f"the operator {op.keyword(operator)}")

    def select(self, operator: op.Select, scope: Scope) -> Scope:
        """SELECT."""
        items = operator.items
        if operator.shape:
            raise UnsupportedSql(f"SELECT AS {operator.shape}")
        if not scope.columns and any(i.is_star for i in items):
            raise SqlError("SELECT * needs a table: start with FROM")
        ordered = scope.ordered and not operator.distinct and not _has_window(items)
        return Scope(self.names.items(items, scope, "SELECT"), {}, ordered)

    def aggregate(self, operator: op.Aggregate, scope: Scope) -> Scope:
        """AGGREGATE: keys, then items. A key that some grouping lacks is not an unchanged copy of a column."""
        if any(isinstance(key.unalias(), exp.Literal | exp.Null | exp.Boolean) for key in operator.keys):
            raise SqlError("GROUP BY takes columns and expressions, neither constants nor positions")
        keys = self.names.items(operator.keys, scope, "GROUP BY")
        if isinstance(operator, AggregateSets):
            everywhere = set(range(len(keys))).intersection(*operator.sets)
            keys = tuple(c if n in everywhere else ScopeColumn(c.name, c.kind) for n, c in enumerate(keys))
        columns = (*keys, *(self.names.aggregate(item, scope) for item in operator.items))
        require_grouped_by(operator, self.out)
        if not columns:
            raise SqlError("AGGREGATE gives no column")
        return Scope(columns)

    def assign(self, assignments: tuple[tuple[str, exp.Expr], ...], scope: Scope) -> Scope:
        """SET: other columns in the same places."""
        changed = {}
        _different(tuple(name for name, _ in assignments), "SET")
        for name, value in assignments:
            self.names.scalar(value, scope, "SET")
            changed[scope.find(name)] = ScopeColumn(scope.find(name).name, self.out.kind(value))
        ordered = scope.ordered and not _has_window(tuple(value for _, value in assignments))
        return Scope(tuple(changed.get(c, c) for c in scope.columns), scope.variables, ordered)

    def rename(self, pairs: tuple[tuple[str, str], ...], scope: Scope) -> Scope:
        """RENAME: other names in the same places."""
        _different(tuple(old for old, _ in pairs), "RENAME")
        renamed = {c: ScopeColumn(new, c.kind, c.origin, c) for old, new in pairs for c in [scope.find(old)]}
        self.out.uses[-1] |= renamed.keys()
        return Scope(tuple(renamed.get(c, c) for c in scope.columns), scope.variables, scope.ordered)

    def sort(self, keys: tuple[exp.Expr, ...], scope: Scope) -> Scope:
        """ORDER BY."""
        for key in keys:
            self.names.scalar(key, scope, "ORDER BY")
            if isinstance(key.this, exp.Literal):
                raise SqlError("ORDER BY takes expressions, not positions: name the column")
        return Scope(scope.columns, scope.variables, ordered=True)


def _different(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    lower = [name.lower() for name in names]
    for name in names:
        if lower.count(name.lower()) > 1:
            raise SqlError(f"{where} names {name} twice")
    return names


def _has_window(items: tuple[exp.Expr, ...]) -> bool:
    """Computing a window function may reorder rows."""
    return any(item.find(exp.Window) is not None for item in items)
