"""Name resolution of standard SQL by SQLite's rules: after it, every column names its source and nothing is implicit.

A bound column is `Column(this=<schema's spelling>, table=<source id>)`, where the id is unique in the whole query; so
bound expressions compare by structure, and survive being moved. Output aliases and ordinals in WHERE, GROUP BY,
HAVING and ORDER BY have given way to what they stand for; `"x"` that names nothing has become the string that SQLite
takes it for (https://sqlite.org/quirks.html, section 8).
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bound import Around, BoundSelect, Output, Source, bound_column, is_star, outermost
from pipesql.decompile.names import Names
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.schema import Schema
from pipesql.pipe.types import kind_of

_MARK = "pipesql.select"
_CLAUSES_REFUSED = ("windows", "qualify", "sample", "laterals", "cluster", "sort", "distribute", "into")


class Binder:
    """Binds a query in place; `bound` gives what was found out about a SELECT of it, or about a copy of one."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.selects: list[BoundSelect] = []
        self.sources: dict[str, Source] = {}

    def bound(self, node: exp.Expr) -> BoundSelect:
        """What binding found out about this SELECT."""
        return self.selects[node.meta[_MARK]]

    def query(self, node: exp.Expr, around: Around) -> list[Output]:
        """Bind a query, its subqueries included; gives its output columns. Raises UnknownName, UnsupportedSql."""
        if node.args.get("with_") is not None:
            around = self.ctes(node.args["with_"], around)
        match node:
            case exp.Subquery():
                if node.args.get("order") or node.args.get("limit") or node.args.get("offset"):
                    raise UnsupportedSql("ORDER BY or LIMIT on a query in brackets")
                return self.query(node.this, around)
            case exp.Select():
                return self.select(node, around)
            case exp.SetOperation():
                return self.set_operation(node, around)
        raise UnsupportedSql(f"{node.key.upper()} as a query")

    def ctes(self, with_: exp.Expr, around: Around) -> Around:
        """Bind the bodies of a WITH; gives the surroundings with their names in sight."""
        if with_.args.get("recursive"):
            raise UnsupportedSql("WITH RECURSIVE")
        for cte in with_.expressions:
            outputs = self.query(cte.this, around)
            names = [c.name for c in cte.args["alias"].columns] if cte.args.get("alias") else []
            if names:
                outputs = [Output(n, o.kind) for n, o in zip(names, outputs, strict=True)]
            around = around.with_cte(cte.alias, tuple(outputs))
        return around

    def set_operation(self, node: exp.SetOperation, around: Around) -> list[Output]:
        """Bind both arms and the sort keys, which become positions."""
        left = self.query(node.this, around)
        self.query(node.expression, around)
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

    def select(self, node: exp.Select, around: Around) -> list[Output]:
        """Bind one SELECT, clause by clause in the order in which SQLite resolves names."""
        for clause in _CLAUSES_REFUSED:
            if node.args.get(clause):
                raise UnsupportedSql(clause.upper())
        bound = BoundSelect([], [])
        node.meta[_MARK] = len(self.selects)  # survives copying, which id() does not
        self.selects.append(bound)
        self.relations(node, bound, around)
        names = self._names(bound, around)
        for item in node.expressions:
            names.bind(item)
        bound.outputs = self.expand(node, bound)
        names.aliases = {i.alias.lower(): i.this for i in node.expressions if isinstance(i, exp.Alias)}
        for clause in ("where", "having"):
            if node.args.get(clause) is not None:
                names.bind(node.args[clause])
        group, order = node.args.get("group"), node.args.get("order")
        if group is not None:
            if any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets", "all")):
                raise UnsupportedSql("ROLLUP, CUBE or GROUPING SETS")
            group.set("expressions", [self._term(k, names, bound, names_first=False) for k in group.expressions])
        for key in order.expressions if order is not None else ():
            key.set("this", self._term(key.this, names, bound, names_first=True))
        if around.outer:
            _refuse_foreign_aggregates(node, bound)
        return [o for o, _ in bound.outputs]

    def _names(self, bound: BoundSelect, around: Around) -> Names:
        return Names(bound, around.outer, lambda query: self.query(query, around.inside(bound)))

    def _term(self, term: exp.Expr, names: Names, bound: BoundSelect, names_first: bool) -> exp.Expr:
        """A GROUP BY or ORDER BY term: an ordinal or (ORDER BY) an alias gives way to the output it means."""
        if isinstance(term, exp.Literal) and term.is_int:
            index = int(term.name) - 1
            if not 0 <= index < len(bound.outputs):
                raise UnknownName(f"there is no output column {index + 1}", term.name)
            return bound.outputs[index][1].copy()
        if names_first and isinstance(term, exp.Column) and not term.table and term.name.lower() in names.aliases:
            return names.aliases[term.name.lower()].copy()
        holder = exp.Paren(this=term)
        names.bind(holder)
        return holder.this

    def relations(self, node: exp.Select, bound: BoundSelect, around: Around) -> None:
        """FROM and JOIN: the sources, then the conditions, since SQLite lets ON name later tables too."""
        from_, joins = node.args.get("from_"), node.args.get("joins") or []
        if from_ is None and joins:
            raise SqlSyntaxError("a JOIN needs a FROM before it")
        if from_ is not None:
            bound.sources.append(self.source(from_.this, around))
            if from_.this.args.get("joins"):
                raise UnsupportedSql("a join in brackets", from_.this.args["joins"][0].sql("sqlite"))
        for join in joins:
            bound.sources.append(self.source(join.this, around))
        for number, join in enumerate(joins, 1):
            bound.conditions.append(self._condition(join, number, bound, around))

    def _condition(self, join: exp.Join, number: int, bound: BoundSelect, around: Around) -> exp.Expr | None:
        left, right = bound.sources[:number], bound.sources[number]
        using = [u.name for u in join.args.get("using") or []]
        if join.method.upper() == "NATURAL":
            using = [c.name for c in right.columns if any(s.find(c.name) for s in left)]
        elif join.method:
            raise UnsupportedSql(f"{join.method} JOIN")
        if using:
            bound.merged = True
            return _spelt_out(using, left, right, join.side)
        on = join.args.get("on")
        if on is None or (isinstance(on, exp.Boolean) and on.this is True):
            return None
        self._names(bound, around).bind(join, only=on)
        return join.args["on"]

    def source(self, node: exp.Expr, around: Around) -> Source:
        """A table, CTE or derived table."""
        identity = f"§{len(self.sources) + 1}"
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            source = self._table(node, identity, around)
        elif isinstance(node, exp.Subquery):
            if node.args.get("joins"):
                raise UnsupportedSql("a join in brackets", node.sql("sqlite"))
            if isinstance(node.this, exp.Table):
                raise UnsupportedSql("a table or join in brackets", node.sql("sqlite"))
            source = Source(identity, node.alias, node, tuple(self.query(node.this, around)))
        else:
            raise UnsupportedSql(f"{node.key.upper()} in FROM", node.sql("sqlite"))
        self.sources[identity] = source
        return source

    def _table(self, node: exp.Table, identity: str, around: Around) -> Source:
        found = around.ctes.get(node.name.lower())
        if found is not None:
            return Source(identity, node.alias_or_name, node, found, node.name)
        table = self.schema.table(node.name)
        if table is None:
            raise UnknownName(f"no table {node.name} in the database", node.name)
        columns = tuple(Output(c.name, c.kind) for c in table.columns)
        return Source(identity, node.alias_or_name, node, columns, table.name)

    def expand(self, node: exp.Select, bound: BoundSelect) -> list[tuple[Output, exp.Expr]]:
        """Every output column with its bound expression."""
        out: list[tuple[Output, exp.Expr]] = []
        for item in node.expressions:
            if is_star(item):
                everything = isinstance(item, exp.Star)
                for source in bound.sources if everything else [self.sources[item.table]]:
                    shown = [c for c in source.columns if not (everything and c.name.lower() in source.hidden)]
                    out.extend((c, bound_column(source, c.name)) for c in shown)
                continue
            value = item.unalias()
            name = item.alias or (value.name if isinstance(value, exp.Column) else "")
            # SQLite names an output without an alias by its text
            out.append((Output(name or value.sql("sqlite"), self.kind(value)), value))
        return out

    def kind(self, value: exp.Expr) -> str:
        """Kind of a bound expression's values (`pipe.types`)."""

        def column_kind(column: exp.Column) -> str:
            source = self.sources.get(column.table)
            found = source.find(column.name) if source else None
            return found.kind if found else ""

        return kind_of(value, column_kind)


def _spelt_out(using: list[str], left: list[Source], right: Source, side: str) -> exp.Expr | None:
    """The condition that USING or NATURAL stands for; the right table's columns are hidden from `*`."""
    if side in ("RIGHT", "FULL"):
        raise UnsupportedSql(f"{side} JOIN with USING or NATURAL")
    condition: exp.Expr | None = None
    for name in using:
        owner = next((s for s in left if s.find(name) and name.lower() not in s.hidden), None)
        if owner is None or right.find(name) is None:
            raise UnknownName(f"USING ({name}): both tables must have the column", name)
        right.hidden.add(name.lower())
        equal = exp.EQ(this=bound_column(owner, name), expression=bound_column(right, name))
        condition = equal if condition is None else exp.And(this=condition, expression=equal)
    return condition


def _refuse_foreign_aggregates(node: exp.Select, bound: BoundSelect) -> None:
    """In SQL an aggregate function whose columns are all those of an outer query belongs to that query."""
    own = {source.id for source in bound.sources}
    clauses = [node.args.get(name) for name in ("where", "having", "order")]
    for part in (*node.expressions, *(c for c in clauses if c is not None)):
        for function in outermost(part, exp.AggFunc):
            columns = list(function.find_all(exp.Column))
            if columns and not any(c.table in own for c in columns):
                raise UnsupportedSql("an aggregate function of an outer query inside a subquery")


def _arms(node: exp.Expr) -> list[exp.Expr]:
    """The queries that a set operation combines, left to right."""
    if isinstance(node, exp.SetOperation):
        return [*_arms(node.this), *_arms(node.expression)]
    return _arms(node.this) if isinstance(node, exp.Subquery) else [node]
