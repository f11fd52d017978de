"""Pipe query to standard SQL: operators become clauses of one SELECT as long as that is the same, else levels.

A new level opens whenever LIMIT, DISTINCT, AGGREGATE, a window or a set operation precedes what could not run after
it in one SELECT. Names are resolved first, so that an expression is moved between levels by meaning, not by text.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.engines import write
from pipesql.pipe.identifiers import column, identifier
from pipesql.pipe.level import Level, as_table
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.rebuild import rebuild
from pipesql.pipe.resolve import Resolved, resolve_names
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope, ScopeColumn


def lower(query: PipeQuery, schema: Schema, dialect: str = "sqlite") -> str:
    """Standard SQL for an engine. Raises UnknownName or SqlError; UnsupportedSql for what the engine cannot do."""
    return write(lower_tree(query, schema, dialect), dialect)


def lower_tree(query: PipeQuery, schema: Schema, dialect: str = "sqlite") -> exp.Query:
    """The same as a sqlglot tree, for callers that look at it."""
    return _Lowering(resolve_names(query, schema), dialect, (), set()).query()


class _Lowering:
    """Lowers one resolved query. `outer` are the levels around it, `taken` the range variables that they use."""

    def __init__(self, resolved: Resolved, dialect: str, outer: tuple[Level, ...], taken: set[str]) -> None:
        self.resolved = resolved
        self.dialect = dialect
        self.outer = outer
        self.taken = taken
        self.level = Level()
        self.number = 0

    def query(self) -> exp.Query:
        query = self.resolved.query
        scope = Scope(())
        for self.number, operator in enumerate(query.operators):
            after = self.resolved.scopes[self.number]
            self.step(operator, scope, after)
            scope = after
        if self.level.compound is not None and self._needs_projection(scope):
            self.wrap(scope)
        out = self.level.select(scope.columns)
        if query.ctes:
            ctes = [
                exp.CTE(
                    this=self.inner(self.resolved.ctes[c.name.lower()]),
                    alias=exp.TableAlias(this=identifier(c.name)),
                )
                for c in query.ctes
            ]
            out.set("with_", exp.With(expressions=ctes))
        return out

    def step(self, operator: op.Operator, before: Scope, after: Scope) -> None:
        level = self.level
        match operator:
            case op.From(source):
                level.source = self.source(source, after)
                level.untouched = after.columns
            case op.Join(kind, source, on, using):
                self.join(kind, source, on, using, before, after)
            case op.Where(condition):
                if level.distinct or level.closed or self.names_any(level.windowed) or self._bare_having():
                    self.wrap(before)
                value = self.expression(condition)
                (self.level.having if self.level.grouped else self.level.where).append(value)
                self.level.order.clear()
            case op.Extend(items) | op.Select(items):
                self.project(items, isinstance(operator, op.Select) and operator.distinct, before, after)
            case op.Set(assignments):
                self.open_projection(before, [value for _, value in assignments])
                for (_, value), new in zip(assignments, _replaced(before, after, assignments), strict=True):
                    self.define(new, value)
            case op.Rename():
                self.open_projection(before, [])
                for old, new in zip(before.columns, after.columns, strict=True):
                    self.level.exprs.setdefault(new, self.level.exprs[old])
                    if old in self.level.windowed:
                        self.level.windowed.add(new)
            case op.Drop():
                self.open_projection(before, [])
            case op.Aggregate(items, keys):
                self.aggregate(items, keys, before, after)
            case op.OrderBy(keys):
                self.order(keys, before)
            case op.Limit(count, offset):
                if self.level.limit is not None:
                    self.wrap(before)
                self.level.limit, self.level.offset = count, offset
            case op.Distinct():
                if level.closed:
                    self.wrap(before)
                self.level.order.clear()
                self.level.distinct = True
            case op.SetOperation(kind, distinct, queries):
                self.combine(kind, distinct, queries, before, after)
            case op.As():
                pass

    def source(self, node: exp.Expr, after: Scope) -> exp.Expr:
        """A table or nested query to read from; `after` holds its columns under its range variable."""
        level = self.level
        written = node.alias_or_name or "t"
        name = level.unique(written, self.taken)
        columns = after.variables[written.lower()].columns if written.lower() in after.variables else after.columns
        if isinstance(node, exp.Subquery):
            inner = self.inner(self.resolved.nested[id(node.this)])
            names = output_names(columns)
            out: exp.Expr = as_table(_renamed(inner, columns, names), name)
        else:
            names = [c.origin[1] if c.origin else c.name for c in columns]
            out = exp.Table(this=identifier(columns[0].origin[0] if self._is_table(node, columns) else node.name))  # type: ignore[index]
            names = [c.name for c in columns]
            if name.lower() != out.name.lower():
                out.set("alias", exp.TableAlias(this=identifier(name)))
        for col, shown in zip(columns, names, strict=True):
            level.exprs[col] = column(shown, name)
        return out

    def _is_table(self, node: exp.Expr, columns: tuple[ScopeColumn, ...]) -> bool:
        origin = columns[0].origin if columns else None
        return origin is not None and origin[0].lower() == node.name.lower()

    def join(
        self, kind: str, source: exp.Expr, on: exp.Expr | None, using: tuple[str, ...], before: Scope, after: Scope
    ) -> None:
        level = self.level
        computed = any(not isinstance(level.exprs[c], exp.Column) for c in before.columns)
        outer_side = kind in ("RIGHT", "FULL")
        if not level.plain or level.windowed or (outer_side and (level.where or computed)) or level.source is None:
            self.wrap(before)
        level = self.level
        level.order.clear()
        whole = level.untouched == before.columns
        table = self.source(source, after)
        right = [c for c in after.columns if c not in before.columns]
        level.untouched = after.columns if whole and not using else None
        condition = None if on is None else self.expression(on)
        for name in using:
            condition = self._using(name, kind, before, source, condition)
        join = exp.Join(this=table)
        if kind in ("LEFT", "RIGHT", "FULL"):
            join.set("side", kind)
        if condition is None:
            join.set("kind", "CROSS")
        else:
            join.set("on", condition)
        level.joins.append(join)
        assert all(c in level.exprs for c in right)

    def _using(self, name: str, kind: str, before: Scope, source: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
        """The equality that USING stands for; the merged column is COALESCEd where the left may be missing."""
        left = before.find(name)
        variable = self.resolved.scopes[self.number].variables[source.alias_or_name.lower()]
        right = next(c for c in variable.columns if c.name.lower() == name.lower())
        left_value, right_value = self.level.exprs[left], self.level.exprs[right]
        equal = exp.EQ(this=left_value.copy(), expression=right_value.copy())
        if kind == "RIGHT":
            self.level.exprs[left] = right_value
        elif kind == "FULL":
            self.level.exprs[left] = exp.Coalesce(this=left_value.copy(), expressions=[right_value.copy()])
        return equal if condition is None else exp.And(this=condition, expression=equal)

    def project(self, items: tuple[exp.Expr, ...], distinct: bool, before: Scope, after: Scope) -> None:
        self.open_projection(before, list(items))
        if distinct and self.level.limit is not None:
            self.wrap(before)
        new = list(after.columns[len(after.columns) - self._width(items) :])
        for item in items:
            stars = self.resolved.stars.get(id(item))
            if stars is not None:
                del new[: len(stars)]
                continue
            self.define(new.pop(0), item.unalias())
        if distinct:
            self.level.order.clear()
            self.level.distinct = True

    def _width(self, items: tuple[exp.Expr, ...]) -> int:
        return sum(len(self.resolved.stars.get(id(i), (None,))) for i in items)

    def open_projection(self, before: Scope, values: list[exp.Expr]) -> None:
        """Make the level ready for new expressions: after DISTINCT, a set operation, or windows on top of windows."""
        level = self.level
        windows = any(v.find(exp.Window) for v in values)
        if (
            level.distinct
            or level.compound is not None
            or (windows and (level.limit is not None or self.names_any(level.windowed)))
            or (level.grouped and self.names_any(level.windowed))
        ):
            self.wrap(before)

    def define(self, new: ScopeColumn, value: exp.Expr) -> None:
        """Give a column of the next scope its expression on this level."""
        level = self.level
        bound = self.resolved.columns.get(id(value))
        if bound is new:
            return
        level.exprs[new] = self.expression(value)
        if value.find(exp.Window) or any(
            self.resolved.columns.get(id(c)) in level.windowed for c in value.find_all(exp.Column)
        ):
            level.windowed.add(new)

    def aggregate(self, items: tuple[exp.Expr, ...], keys: tuple[exp.Expr, ...], before: Scope, after: Scope) -> None:
        if not self.level.plain or self.names_any(self.level.windowed) or self.level.source is None:
            self.wrap(before)
        values = [self.expression(k.unalias()) for k in keys]
        if any(not v.find(exp.Column) for v in values):  # a constant key would be read as a position
            self.wrap(before)
            values = [self.expression(k.unalias()) for k in keys]
        level = self.level
        for col, item in zip(after.columns[len(keys) :], items, strict=True):
            level.exprs[col] = self.expression(item.unalias())
        for col, value in zip(after.columns, values, strict=False):
            level.exprs[col] = value
        level.grouped, level.keys, level.untouched = True, values, None
        level.order.clear()

    def order(self, keys: tuple[exp.Expr, ...], before: Scope) -> None:
        level = self.level
        bare = [self.resolved.columns.get(id(k.this)) for k in keys]
        simple = all(c in before.columns for c in bare)
        if level.compound is not None:
            names = [c.name.lower() for c in before.columns]
            simple = simple and all(c and c.name and names.count(c.name.lower()) == 1 for c in bare)
        if level.limit is not None or ((level.distinct or level.compound is not None) and not simple):
            self.wrap(before)
        if self.level.compound is not None:
            ordered = [exp.Ordered(**{**k.args, "this": column(c.name)}) for k, c in zip(keys, bare, strict=True) if c]
        else:
            ordered = [exp.Ordered(**{**k.args, "this": self.expression(k.this)}) for k in keys]
        self.level.order = [
            (o, c) for o, c in zip(ordered, bare, strict=True) if not isinstance(o.this, exp.Literal | exp.Null)
        ]

    def combine(self, kind: str, distinct: bool, queries: tuple[PipeQuery, ...], before: Scope, after: Scope) -> None:
        level = self.level
        if level.order and level.limit is None:
            level.order.clear()
        if level.limit is not None or (level.compound is not None and type(level.compound) is not _SET_NODES[kind]):
            self.wrap(before)
        if self.level.compound is not None and self._needs_projection(before):
            self.wrap(before)
        left = self.level.select(before.columns)
        for query in queries:
            right = self.inner(self.resolved.nested[id(query)])
            if isinstance(right, exp.SetOperation) or right.args.get("limit") or right.args.get("with_"):
                name = self.level.unique("u", self.taken)
                right = exp.Select(expressions=[exp.Star()], from_=exp.From(this=as_table(right, name)))
            right.set("order", None)
            left = _SET_NODES[kind](this=left, expression=right, distinct=distinct)
        assert isinstance(left, exp.SetOperation)
        self.level = Level(compound=left)
        for col in after.columns:
            self.level.exprs[col] = column(col.name) if col.name else exp.Null()

    def wrap(self, scope: Scope) -> None:
        """Close the level and read from it; only columns that are still needed pass."""
        level = self.level
        used: set[ScopeColumn] = set().union(*self.resolved.uses[self.number :], self.resolved.scopes[-1].columns)
        keep = [c for c in level.exprs if c in used] if not (level.distinct or level.compound) else []
        visible = list(dict.fromkeys(scope.columns))
        if level.distinct or level.compound is not None:
            columns = visible
        else:
            columns = [c for c in visible if c in used] + [c for c in keep if c not in visible]
            columns = columns or visible[:1]
        names = output_names(tuple(columns))
        if level.compound is not None:
            inner: exp.Query = _renamed(level.select(scope.columns), tuple(columns), names)
        else:
            same = names == [c.name for c in columns]
            inner = level.select(tuple(columns), None if same else names)
        if level.limit is None:
            inner.set("order", None)
        order = level.order if level.limit is not None else []
        fresh = Level()
        name = fresh.unique("t", self.taken)
        fresh.source = as_table(inner, name)
        for col, shown in zip(columns, names, strict=True):
            fresh.exprs[col] = column(shown, name)
        fresh.untouched = tuple(columns) if columns == list(scope.columns) else None
        fresh.order = [
            (exp.Ordered(**{**k.args, "this": fresh.exprs[c].copy()}), c) for k, c in order if c in fresh.exprs and c
        ]
        self.level = fresh

    def inner(self, resolved: Resolved) -> exp.Query:
        """A nested query, lowered; range variables differ from those around it where it refers to them."""
        levels = (*self.outer, self.level)
        taken = set().union(*(lv.names for lv in levels)) if resolved.outer else set()
        return _Lowering(resolved, self.dialect, levels, taken).query()

    def expression(self, node: exp.Expr) -> exp.Expr:
        """An operator's expression over this level's sources, nested queries lowered in place."""
        return rebuild(node, self._replace)

    def _replace(self, node: exp.Expr) -> exp.Expr | None:
        if isinstance(node, exp.Column):
            col = self.resolved.columns[id(node)]
            for level in (self.level, *reversed(self.outer)):
                if col in level.exprs:
                    return level.exprs[col].copy()
            raise UnsupportedSql("a reference to an outer column that has been aggregated away", node.name)
        if isinstance(node, exp.Placeholder) and nested(node) is not None:
            return self.inner(self.resolved.nested[id(node)])
        return None

    def names_any(self, columns: set[ScopeColumn]) -> bool:
        """Whether the current operator names one of these columns."""
        return bool(columns and self.resolved.uses[self.number] & columns)

    def _bare_having(self) -> bool:
        """HAVING without GROUP BY is not accepted everywhere."""
        return self.level.grouped and not self.level.keys

    def _needs_projection(self, scope: Scope) -> bool:
        """Whether a set operation's columns have since been renamed, dropped or reordered."""
        produced = list(self.level.exprs)
        return list(scope.columns) != produced[: len(scope.columns)] or len(scope.columns) != len(produced)


_SET_NODES: dict[str, type[exp.SetOperation]] = {
    "UNION": exp.Union,
    "INTERSECT": exp.Intersect,
    "EXCEPT": exp.Except,
}


def output_names(columns: tuple[ScopeColumn, ...]) -> list[str]:
    """Names under which columns can be told apart: their own, numbered where one repeats or is missing."""
    taken: set[str] = set()
    names = []
    for col in columns:
        base = name = col.name or "value"
        number = 2
        while name.lower() in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _renamed(query: exp.Query, columns: tuple[ScopeColumn, ...], names: list[str]) -> exp.Query:
    """The query with output names as given; they differ from its own only where those repeat or are missing."""
    if names == [c.name for c in columns]:
        return query
    selects = query.selects
    if any(s.is_star for s in selects) or len(selects) != len(names) or query.args.get("order"):
        raise UnsupportedSql("a subquery with repeated or unnamed columns", "name them with AS")
    first = query
    while isinstance(first, exp.SetOperation):
        first = first.this
    first.set("expressions", [exp.alias_(s.unalias(), identifier(n)) for s, n in zip(selects, names, strict=True)])
    return query


def _replaced(before: Scope, after: Scope, assignments: tuple[tuple[str, exp.Expr], ...]) -> list[ScopeColumn]:
    """For each assignment of SET, the column that it makes."""
    return [after.columns[before.columns.index(before.find(name))] for name, _ in assignments]
