"""Names in the expressions of one query, looked up in the scopes that it sees."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName
from pipesql.pipe import identifiers
from pipesql.pipe.expressions import position_of, unbracketed
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.scope import Scope, ScopeColumn, unknown_name


class Names:
    """Looks up the names of one query's expressions and notes them in `out`.

    `outer` are the scopes of the queries around it, outermost first; `nested_query` resolves a query that stands in
    an expression, given the scopes around it.
    """

    def __init__(
        self,
        out: Resolved,
        outer: tuple[Scope, ...],
        nested_query: Callable[[PipeQuery, tuple[Scope, ...]], Resolved],
    ) -> None:
        self.out = out
        self.outer = outer
        self.nested_query = nested_query

    def items(self, nodes: tuple[exp.Expr, ...], scope: Scope, where: str) -> tuple[ScopeColumn, ...]:
        """The columns that SELECT, EXTEND or GROUP BY items give."""
        return tuple(c for node in nodes for c in self._item(node, scope, where))

    def bind(self, meant: ScopeColumn) -> exp.Column:
        """A new node that names this column, whatever else has its name."""
        node = identifiers.column(meant.name or "value")
        self.out.columns[id(node)] = meant
        self.out.bound.append(node)
        return node

    def used(self, nodes: tuple[exp.Expr, ...], scope: Scope, where: str) -> set[ScopeColumn]:
        """The columns that expressions with aggregate functions name."""
        out = self.out
        uses, lent = out.uses, out.lent
        out.uses, out.lent = [set()], [set()]
        for node in nodes:
            self.scalar(node, scope, where, aggregates=True, windows=False)
        found = out.uses[0]
        out.uses, out.lent = uses, lent
        return found

    def aggregate(self, node: exp.Expr, scope: Scope) -> ScopeColumn:
        """The column that an AGGREGATE item gives."""
        self.scalar(node, scope, "AGGREGATE", aggregates=True, windows=False)
        if not any(own_aggregate(a) for a in node.find_all(exp.AggFunc)) and not node.find(exp.Anonymous):
            raise SqlError(f"AGGREGATE takes aggregate functions only, not {node.sql('bigquery')}: group by it instead")
        return ScopeColumn(node.alias, self.out.kind(node.unalias()))

    def scalar(self, node: exp.Expr, scope: Scope, where: str, aggregates: bool = False, windows: bool = True) -> None:
        """Resolve every name in an expression. Raises UnknownName or SqlError."""
        for part in node.walk():
            if isinstance(part, exp.Column):
                self._column(part, scope)
            elif isinstance(part, exp.Select | exp.SetOperation):
                raise SqlError("a subquery must be a pipe query: write (FROM … |> …), not (SELECT …)")
            elif isinstance(part, exp.Placeholder):
                self._nested(part, scope)
            elif isinstance(part, exp.AggFunc) and not aggregates and own_aggregate(part):
                raise SqlError(f"{part.sql('bigquery')} cannot stand in {where}: compute it with |> AGGREGATE first")
            elif isinstance(part, exp.Window) and part.args.get("alias") is not None:
                name = part.args["alias"].name
                raise UnknownName(f"no window {name} here: define it with WINDOW behind SELECT or EXTEND", name)
            elif isinstance(part, exp.Window) and not windows:
                raise SqlError(f"{part.sql('bigquery')} cannot stand in {where}: compute it with |> EXTEND first")

    def _nested(self, leaf: exp.Placeholder, scope: Scope) -> None:
        query = nested(leaf)
        if query is None:
            raise SqlError("query parameters cannot stand in pipe SQL here")
        body = self.nested_query(query, (*self.outer, scope))
        self.out.nested[id(leaf)] = body
        reachable = set(scope.columns).union(*(v.columns for v in scope.variables.values()))
        own = body.outer & reachable
        self.out.uses[-1] |= own
        self.out.lent[-1] |= own
        self.out.outer |= body.outer - own

    def _column(self, node: exp.Column, scope: Scope) -> None:
        if isinstance(node.this, exp.Star):
            raise SqlError(f"{node.sql('bigquery')} cannot stand inside an expression")
        if id(node) in self.out.columns:
            self.out.uses[-1].add(self.out.columns[id(node)])
            return
        if node.args.get("db"):
            raise UnknownName(f"no column {node.sql('bigquery')}: qualify with one name", node.name)
        name, qualifier = node.name, node.table
        try:
            for depth, level in enumerate((scope, *reversed(self.outer))):
                if level.has(name, qualifier) and (depth == 0 or not qualifier or _holds(level, name, qualifier)):
                    found = level.find(name, qualifier)
                    (self.out.outer if depth else self.out.uses[-1]).add(found)
                    self.out.columns[id(node)] = found
                    return
            scope.find(name, qualifier)  # raises, with the nearest names
        except UnknownName as error:
            error.position = position_of(node)
            raise

    def _item(self, node: exp.Expr, scope: Scope, where: str) -> tuple[ScopeColumn, ...]:
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            return self._star(node, scope)
        self.scalar(node, scope, where, windows=where != "GROUP BY")
        inner = unbracketed(node.unalias())
        if isinstance(inner, exp.Column):
            column = self.out.columns[id(inner)]
            if not isinstance(node, exp.Alias) and column in scope.columns:
                return (column,)
            return (ScopeColumn(node.alias or inner.name, column.kind, column.origin, column),)
        return (ScopeColumn(node.alias, self.out.kind(inner)),)

    def _star(self, node: exp.Expr, scope: Scope) -> tuple[ScopeColumn, ...]:
        if isinstance(node, exp.Column):
            variable = scope.variables.get(node.table.lower())
            if variable is None:
                raise unknown_name(node.table, "table or alias", node.table, [v.name for v in scope.variables.values()])
            columns = variable.columns
            star = node.this
        else:
            columns, star = scope.columns, node
        if star.args.get("replace") or star.args.get("rename"):
            raise SqlError("* REPLACE can stand in SELECT only")
        dropped = excepted(star, columns)
        columns = tuple(c for c in columns if c.name.lower() not in dropped)
        self.out.stars[id(node)] = columns
        self.out.uses[-1] |= set(columns)
        return columns


def excepted(star: exp.Expr, columns: tuple[ScopeColumn, ...]) -> set[str]:
    """The names, in lower case, that `* EXCEPT (…)` leaves out. Raises UnknownName for one that is not there."""
    names = {c.name.lower() for c in columns}
    for node in star.args.get("except_") or ():
        if node.name.lower() not in names:
            raise unknown_name(node.name, "column", node.name, [c.name for c in columns if c.name])
    return {node.name.lower() for node in star.args.get("except_") or ()}


def _holds(level: Scope, name: str, qualifier: str) -> bool:
    return any(c.name.lower() == name.lower() for c in level.variables[qualifier.lower()].columns)


def own_aggregate(node: exp.AggFunc) -> bool:
    """An aggregate function of this level: not the function of a window."""
    parent = node.parent
    while isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        parent = parent.parent
    window_function = isinstance(parent, exp.Window) and parent.this is not None and node.parent is not None
    return not window_function
