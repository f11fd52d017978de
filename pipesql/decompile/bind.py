"""Name resolution of standard SQL by SQLite's rules: after it, every column names its source and nothing is implicit.

A bound column is `Column(this=<schema's spelling>, table=<source id>)`, where the id is unique in the whole query; so
bound expressions compare by structure, and survive being moved. Output aliases and ordinals in WHERE, GROUP BY,
HAVING and ORDER BY have given way to what they stand for; `"x"` that names nothing has become the string that SQLite
takes it for (https://sqlite.org/quirks.html, section 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import UnknownName, UnsupportedSql
from pipesql.pipe.schema import Schema
from pipesql.pipe.types import kind_of

_MARK = "pipesql.select"
_ROWID = frozenset({"rowid", "oid", "_rowid_"})


@dataclass(frozen=True)
class Output:
    """One output column of a query: its name in SQL (empty if it has none) and the kind of its values."""

    name: str
    kind: str


@dataclass
class Source:
    """One entry of a FROM. `alias` is what the query calls it; `node` the Table or Subquery."""

    id: str
    alias: str
    node: exp.Expr
    columns: tuple[Output, ...]
    table: str = ""
    """The schema's (or the CTE's) name, empty for a derived table."""
    hidden: set[str] = field(default_factory=set)
    """Lower-case names that USING or NATURAL merged into an earlier source."""

    def find(self, name: str) -> Output | None:
        lower = name.lower()
        return next((c for c in self.columns if c.name.lower() == lower), None)


@dataclass
class BoundSelect:
    """What binding found out about one SELECT."""

    sources: list[Source]
    outputs: list[tuple[Output, exp.Expr]]
    """Expanded: stars are one entry a column."""
    conditions: list[exp.Expr | None] = field(default_factory=list)
    """For each join the bound condition, USING and NATURAL spelt out."""
    merged: bool = False
    """USING or NATURAL stands in it, so that `*` is not all columns of all sources."""


class Binder:
    """Binds a query in place; `bound` gives what was found out about a SELECT of it, or about a copy of one."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.selects: list[BoundSelect] = []
        self.sources: dict[str, Source] = {}

    def bound(self, node: exp.Expr) -> BoundSelect:
        """What binding found out about this SELECT."""
        return self.selects[node.meta[_MARK]]

    def query(
        self, node: exp.Expr, outer: tuple[BoundSelect, ...], ctes: dict[str, tuple[Output, ...]]
    ) -> list[Output]:
        """Bind a query, its subqueries included; gives its output columns."""
        with_ = node.args.get("with_")
        if with_ is not None:
            if with_.args.get("recursive"):
                raise UnsupportedSql("WITH RECURSIVE")
            ctes = dict(ctes)
            for cte in with_.expressions:
                outputs = self.query(cte.this, outer, ctes)
                names = [c.name for c in cte.args["alias"].columns] if cte.args.get("alias") else []
                if names:
                    outputs = [Output(n, o.kind) for n, o in zip(names, outputs, strict=True)]
                ctes[cte.alias.lower()] = tuple(outputs)
        match node:
            case exp.Subquery():
                if node.args.get("order") or node.args.get("limit") or node.args.get("offset"):
                    raise UnsupportedSql("ORDER BY or LIMIT on a query in brackets")
                return self.query(node.this, outer, ctes)
            case exp.Select():
                return self.select(node, outer, ctes)
            case exp.SetOperation():
                return self.set_operation(node, outer, ctes)
        raise UnsupportedSql(f"{node.key.upper()} as a query")

    def set_operation(
        self, node: exp.SetOperation, outer: tuple[BoundSelect, ...], ctes: dict[str, tuple[Output, ...]]
    ) -> list[Output]:
        left = self.query(node.this, outer, ctes)
        self.query(node.expression, outer, ctes)
        order = node.args.get("order")
        for key in order.expressions if order else ():
            self._compound_key(key, node, left)
        return left

    def _compound_key(self, key: exp.Ordered, node: exp.SetOperation, left: list[Output]) -> None:
        """A sort key of a compound query is an output, by position or by the name that any arm gives it."""
        value = key.this
        if isinstance(value, exp.Literal) and value.is_int:
            index = int(value.name) - 1
        else:
            name = value.name.lower() if isinstance(value, exp.Column) else ""
            index = -1
            for arm in _arms(node):
                names = [o.name.lower() for o, _ in self.bound(arm).outputs]
                if name and name in names:
                    index = names.index(name)
                    break
        if not 0 <= index < len(left):
            raise UnsupportedSql("ORDER BY of an expression after a set operation", value.sql("sqlite"))
        key.set("this", exp.Literal.number(index + 1))

    def select(
        self, node: exp.Select, outer: tuple[BoundSelect, ...], ctes: dict[str, tuple[Output, ...]]
    ) -> list[Output]:
        for clause in ("windows", "qualify", "sample", "laterals", "cluster", "sort", "distribute", "into"):
            if node.args.get(clause):
                raise UnsupportedSql(clause.upper())
        bound = BoundSelect([], [])
        node.meta[_MARK] = len(self.selects)  # survives copying, which id() does not
        self.selects.append(bound)
        from_ = node.args.get("from_")
        if from_ is not None:
            bound.sources.append(self.source(from_.this, outer, ctes))
            for join in from_.this.args.get("joins") or []:
                raise UnsupportedSql("a join in brackets", join.sql("sqlite"))
        joins = node.args.get("joins") or []
        for join in joins:
            bound.sources.append(self.source(join.this, outer, ctes))
        for join, right in zip(joins, bound.sources[1:], strict=True):
            self.join(join, right, bound, outer, ctes)
        scope = _Names(self, bound, outer, ctes)
        for item in node.expressions:
            scope.bind(item)
        bound.outputs = self.expand(node, bound)
        scope.aliases = {i.alias.lower(): i.this for i in node.expressions if isinstance(i, exp.Alias)}
        for clause in ("where", "having"):
            if node.args.get(clause) is not None:
                scope.bind(node.args[clause])
        if node.args.get("group") is not None:
            group = node.args["group"]
            if any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets", "all")):
                raise UnsupportedSql("ROLLUP, CUBE or GROUPING SETS")
            group.set("expressions", [self.term(k, scope, bound, names_first=False) for k in group.expressions])
        if node.args.get("order") is not None:
            for key in node.args["order"].expressions:
                key.set("this", self.term(key.this, scope, bound, names_first=True))
        return [o for o, _ in bound.outputs]

    def term(self, term: exp.Expr, scope: _Names, bound: BoundSelect, names_first: bool) -> exp.Expr:
        """A GROUP BY or ORDER BY term: an ordinal or (ORDER BY) an alias gives way to the output it means."""
        if isinstance(term, exp.Literal) and term.is_int:
            index = int(term.name) - 1
            if not 0 <= index < len(bound.outputs):
                raise UnknownName(f"there is no output column {index + 1}", term.name)
            return bound.outputs[index][1].copy()
        if names_first and isinstance(term, exp.Column) and not term.table and term.name.lower() in scope.aliases:
            return scope.aliases[term.name.lower()].copy()
        holder = exp.Paren(this=term)
        scope.bind(holder)
        return holder.this

    def join(
        self,
        join: exp.Join,
        right: Source,
        bound: BoundSelect,
        outer: tuple[BoundSelect, ...],
        ctes: dict[str, tuple[Output, ...]],
    ) -> None:
        left = bound.sources[: bound.sources.index(right)]
        using = [u.name for u in join.args.get("using") or []]
        if join.method.upper() == "NATURAL":
            using = [c.name for c in right.columns if any(s.find(c.name) for s in left)]
        elif join.method:
            raise UnsupportedSql(f"{join.method} JOIN")
        condition: exp.Expr | None = None
        if using:
            bound.merged = True
            if join.side in ("RIGHT", "FULL"):
                raise UnsupportedSql(f"{join.side} JOIN with USING or NATURAL")
            for name in using:
                owner = next((s for s in left if s.find(name) and name.lower() not in s.hidden), None)
                if owner is None or right.find(name) is None:
                    raise UnknownName(f"USING ({name}): both tables must have the column", name)
                right.hidden.add(name.lower())
                equal = exp.EQ(this=_bound(owner, name), expression=_bound(right, name))
                condition = equal if condition is None else exp.And(this=condition, expression=equal)
        elif join.args.get("on") is not None:
            on = join.args["on"]
            if not (isinstance(on, exp.Boolean) and on.this is True):
                _Names(self, bound, outer, ctes).bind(join, only=on)  # SQLite lets ON name later tables too
                condition = join.args["on"]
        bound.conditions.append(condition)

    def source(self, node: exp.Expr, outer: tuple[BoundSelect, ...], ctes: dict[str, tuple[Output, ...]]) -> Source:
        identity = f"§{len(self.sources) + 1}"
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            found = ctes.get(node.name.lower())
            if found is not None:
                source = Source(identity, node.alias_or_name, node, found, node.name)
            else:
                table = self.schema.table(node.name)
                if table is None:
                    raise UnknownName(f"no table {node.name} in the database", node.name)
                columns = tuple(Output(c.name, c.kind) for c in table.columns)
                source = Source(identity, node.alias_or_name, node, columns, table.name)
        elif isinstance(node, exp.Subquery):
            if node.args.get("joins"):
                raise UnsupportedSql("a join in brackets")
            outputs = self.query(node.this, outer, ctes)
            source = Source(identity, node.alias, node, tuple(outputs))
        else:
            raise UnsupportedSql(f"{node.key.upper()} in FROM", node.sql("sqlite"))
        self.sources[identity] = source
        return source

    def expand(self, node: exp.Select, bound: BoundSelect) -> list[tuple[Output, exp.Expr]]:
        """Every output column with its bound expression."""
        out: list[tuple[Output, exp.Expr]] = []
        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                sources = bound.sources if isinstance(item, exp.Star) else [self.sources[item.table]]
                for source in sources:
                    shown = [
                        c
                        for c in source.columns
                        if not (isinstance(item, exp.Star) and c.name.lower() in source.hidden)
                    ]
                    out.extend((c, _bound(source, c.name)) for c in shown)
                continue
            value = item.unalias()
            name = item.alias or (value.name if isinstance(value, exp.Column) else "")
            out.append((Output(name or _written(value), self.kind(value)), value))
        return out

    def kind(self, value: exp.Expr) -> str:
        """Kind of a bound expression's values (`pipe.types`)."""

        def column_kind(column: exp.Column) -> str:
            source = self.sources.get(column.table)
            found = source.find(column.name) if source else None
            return found.kind if found else ""

        return kind_of(value, column_kind)


class _Names:
    """Looks names up for one SELECT: its sources, then its output aliases, then the queries around it."""

    def __init__(
        self,
        binder: Binder,
        bound: BoundSelect,
        outer: tuple[BoundSelect, ...],
        ctes: dict[str, tuple[Output, ...]],
    ) -> None:
        self.binder = binder
        self.bound = bound
        self.outer = outer
        self.ctes = ctes
        self.aliases: dict[str, exp.Expr] = {}

    def bind(self, holder: exp.Expr, only: exp.Expr | None = None) -> None:
        """Bind everything below `holder` (or below its child `only`) in place."""
        stack = [only] if only is not None else list(holder.iter_expressions())
        if isinstance(holder, exp.Column):
            stack = [holder]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Column):
                self.column(node)
            elif isinstance(node, exp.Query | exp.Subquery):
                self.binder.query(node, (*self.outer, self.bound), self.ctes)
            else:
                stack.extend(node.iter_expressions())

    def column(self, node: exp.Column) -> None:
        name, qualifier = node.name, node.table
        star = isinstance(node.this, exp.Star)
        if node.args.get("db"):
            qualifier = node.table
        for depth, bound in enumerate((self.bound, *reversed(self.outer))):
            for source in bound.sources:
                if qualifier and source.alias.lower() != qualifier.lower():
                    continue
                if star or (source.find(name) and (qualifier or name.lower() not in source.hidden)):
                    self._set(node, source, name, star)
                    return
            if depth == 0 and not qualifier and name.lower() in self.aliases:
                node.replace(_bracketed(self.aliases[name.lower()].copy()))
                return
        if not qualifier and node.this.args.get("quoted"):
            node.replace(exp.Literal.string(name))
            return
        if name.lower() in _ROWID:
            raise UnsupportedSql("rowid", "it is no column of the table")
        shown = f"{qualifier}.{name}" if qualifier else name
        raise UnknownName(f"no column {shown} in the tables of this query", name)

    def _set(self, node: exp.Column, source: Source, name: str, star: bool) -> None:
        if not star:
            found = source.find(name)
            assert found is not None
            node.set("this", exp.Identifier(this=found.name, quoted=False))
        node.set("db", None)
        node.set("table", exp.Identifier(this=source.id, quoted=False))


def _bound(source: Source, name: str) -> exp.Column:
    found = source.find(name)
    shown = found.name if found else name
    return exp.Column(this=exp.Identifier(this=shown, quoted=False), table=exp.Identifier(this=source.id, quoted=False))


def _bracketed(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value


def _arms(node: exp.Expr) -> list[exp.Expr]:
    """The queries that a set operation combines, left to right."""
    if isinstance(node, exp.SetOperation):
        return [*_arms(node.this), *_arms(node.expression)]
    return _arms(node.this) if isinstance(node, exp.Subquery) else [node]


def _written(value: exp.Expr) -> str:
    """SQLite names an output without an alias by its text."""
    return value.sql("sqlite")
