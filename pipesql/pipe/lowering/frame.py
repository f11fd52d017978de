"""The state of one query's lowering: its levels, and how expressions are moved onto them."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.engines.shared.rules import KIND
from pipesql.pipe.expressions import rebuild
from pipesql.pipe.identifiers import column, identifier
from pipesql.pipe.lowering.level import Level, as_table, output_names, renamed
from pipesql.pipe.query import nested
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.resolving.set_operations import Arm, Missing
from pipesql.pipe.scope import Scope, ScopeColumn
from pipesql.pipe.types import INT, REAL, TEXT

_TYPED_NULL = frozenset({"bigquery", "postgres"})


class Frame:
    """One resolved query at operator `number` (from 0), with the rows so far as `level`.

    `outer` are the levels around it, `taken` the range variables that they use; `lower` lowers a nested query, for the
    engine `dialect` (none in particular if it is empty).
    """

    def __init__(
        self,
        resolved: Resolved,
        outer: tuple[Level, ...],
        taken: set[str],
        lower: Callable[[Frame], exp.Query],
        dialect: str = "",
    ) -> None:
        self.resolved = resolved
        self.outer = outer
        self.taken = taken
        self.lower = lower
        self.dialect = dialect
        self.shown: Arm | None = None
        """The columns to give in the end, if not those of the last scope."""
        self.unique = False
        """Whether the columns given need names that tell them apart."""
        self.googlesql = dialect in ("", "bigquery")
        """Whether the query is read by GoogleSQL's rules for names, keys and queries without FROM."""
        self.avoided: frozenset[str] = frozenset()
        """Names of columns: in GoogleSQL a column hides a range variable of its name that is further out."""
        self.correlated = False
        """Whether some nested query names columns of one around it."""
        self.tables: list[exp.CTE] = []
        """The WITH of the query."""
        self.recursive = False
        self.level = Level()
        self.number = 0
        self.hidden: dict[int, ScopeColumn] = {}
        """Columns that hold a part of the current operator's expression, by the `id()` of that part."""
        self.weights: dict[ScopeColumn, int] = {}
        """How many nodes a computed column's expression has when all that it is made of is written out."""

    def wrap(self, scope: Scope, ordered: bool = False) -> None:
        """Close the level and read from it; only columns that are still needed pass.

        `ordered`: the rows keep their order after this operator, so their sort keys pass too.
        """
        level = self.level
        used: set[ScopeColumn] = set().union(*self.resolved.uses[self.number :], self.resolved.scopes[-1].columns)
        order = self._named_keys() if ordered else []
        used |= {c for _, c in order}
        visible = list(dict.fromkeys(scope.columns))
        if level.distinct or level.compound is not None:
            columns = visible
        else:
            passing = [c for c in level.exprs if c in used and c not in visible]
            columns = [c for c in visible if c in used] + passing
            if not columns:  # rows without a column that counts: any that has got this far
                columns = [c for c in (*visible, *level.exprs) if c in level.exprs][:1]
        names = output_names(tuple(columns))
        if level.compound is not None:
            inner: exp.Query = renamed(level.select(scope.columns), tuple(columns), names)
        else:
            same = names == [c.name for c in columns]
            inner = level.select(tuple(columns), None if same else names)
        if level.limit is None:
            inner.set("order", None)
        fresh = Level()
        name = fresh.unique("t", self.taken | self.avoided)
        fresh.source = as_table(inner, name)
        for col, shown in zip(columns, names, strict=True):
            fresh.exprs[col] = column(shown, name)
        fresh.untouched = tuple(columns) if columns == list(scope.columns) else None
        fresh.order = [(exp.Ordered(**{**k.args, "this": fresh.exprs[c].copy()}), c) for k, c in order]
        self.level = fresh

    def _named_keys(self) -> list[tuple[exp.Ordered, ScopeColumn]]:
        """The sort keys, each with a column of the level that holds it."""
        level, out = self.level, []
        for key, col in level.order:
            if col is None:
                col = ScopeColumn("sort_key")
                level.exprs[col] = key.this
            out.append((key, col))
        return out

    def hide(self, node: exp.Expr) -> None:
        """Compute a part of the current operator's expression on this level, as a column for the next one."""
        col = ScopeColumn("hidden")
        self.level.exprs[col] = self.expression(node)
        self.resolved.uses[self.number].add(col)
        self.hidden[id(node)] = col

    def inner(self, resolved: Resolved, shown: Arm | None = None, unique: bool = False) -> exp.Query:
        """A nested query, lowered; range variables differ from those around it where it refers to them."""
        levels = (*self.outer, self.level)
        taken = set().union(*(lv.names for lv in levels)) if resolved.outer else set()
        frame = Frame(resolved, levels, taken, self.lower, self.dialect)
        frame.shown, frame.unique = shown, unique
        frame.avoided, frame.correlated = self.avoided, self.correlated
        return self.lower(frame)

    def fresh(self, name: str) -> str:
        """A new range variable on the level, with a name that nothing else has."""
        return self.level.unique(name, self.taken | self.avoided)

    def finish(self, scope: Scope) -> exp.Query:
        """The whole query, the tables that it defines in front."""
        out = self.give(scope, self.shown if self.shown is not None else scope.columns, self.unique)
        if self.tables:
            out.set("with_", exp.With(expressions=self.tables, recursive=self.recursive or None))
        return out

    def give(self, scope: Scope, shown: Arm, unique: bool = False) -> exp.Query:
        """The level as a query that gives these columns; `unique` if their names must differ."""
        columns = self.ready(scope, shown)
        names = output_names(columns) if unique else []
        if not unique or names == [c.name for c in columns]:
            return self.level.select(columns)
        if self.level.compound is not None:
            return renamed(self.level.select(columns), columns, names)
        return self.level.select(columns, names)

    def ready(self, scope: Scope, shown: Arm) -> tuple[ScopeColumn, ...]:
        """Make the level one that can give these columns; those that are missing are NULL."""
        level = self.level
        moved = list(shown) != (list(scope.columns) if level.compound is None else list(level.exprs))
        if moved and (level.compound is not None or level.distinct):
            self.wrap(scope, ordered=True)
        for col in shown:
            if isinstance(col, Missing):
                self.level.exprs[col] = self._null(col.kind)
        return shown

    def _null(self, kind: str) -> exp.Expr:
        """NULL, cast to its type where an engine would otherwise give it another one."""
        known = {INT: "BIGINT", REAL: "DOUBLE", TEXT: "TEXT"}.get(kind)
        if known is None or self.dialect not in _TYPED_NULL:
            return exp.Null()
        return exp.Cast(this=exp.Null(), to=exp.DataType.build(known))

    def table(self, name: str, query: exp.Query, recursive: bool = False) -> None:
        """Define a table in the query's WITH."""
        self.tables.append(exp.CTE(this=query, alias=exp.TableAlias(this=identifier(name))))
        self.recursive = self.recursive or recursive

    def expression(self, node: exp.Expr) -> exp.Expr:
        """An operator's expression over this level's sources, nested queries lowered in place."""
        return rebuild(node, self._replace)

    def _replace(self, node: exp.Expr) -> exp.Expr | None:
        held = self.hidden.get(id(node)) if self.hidden else None
        if held is not None:
            return self.level.exprs[held].copy()
        if isinstance(node, exp.Column):
            col = self.resolved.columns[id(node)]
            for level in (self.level, *reversed(self.outer)):
                if col in level.exprs:
                    value = level.exprs[col].copy()
                    if isinstance(value, exp.Column):
                        value.meta[KIND] = col.kind
                    return value
            raise UnsupportedSql("a reference to an outer column that has been aggregated away", node.name)
        if isinstance(node, exp.Placeholder) and nested(node) is not None:
            return self.inner(self.resolved.nested[id(node)])
        return None

    def lends_computed(self) -> bool:
        """Whether the current operator names a column in a way that the SELECT that computes it does not allow.

        A nested query that names an aggregate or window would take that function into itself, where it means something
        else or nothing. GoogleSQL does not know a computed key again inside another expression.
        """
        level = self.level
        if self.googlesql and self.names_any(level.computed_keys):
            return True
        for col in self.resolved.lent[self.number]:
            value = level.exprs.get(col)
            if value is None or isinstance(value, exp.Column):
                continue
            if level.grouped or col in level.windowed:
                return True
        return False

    def needs_any(self, columns: set[ScopeColumn]) -> bool:
        """Whether the current operator or a later one names one of these columns, or the query gives it."""
        if not columns:
            return False
        needed = set().union(*self.resolved.uses[self.number :], self.resolved.last.columns)
        return bool(needed & columns)

    def names_any(self, columns: set[ScopeColumn]) -> bool:
        """Whether the current operator names one of these columns."""
        return bool(columns and self.resolved.uses[self.number] & columns)
