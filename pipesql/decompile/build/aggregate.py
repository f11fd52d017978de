"""GROUP BY, HAVING and aggregate functions to `|> AGGREGATE … GROUP BY …` and `|> WHERE`.

Keys come in the order in which the SELECT shows them, so that often no final SELECT is needed. A column that is
neither grouped nor aggregated (SQLite's bare column, https://sqlite.org/lang_select.html#bareagg) becomes ANY_VALUE;
where a single MIN or MAX stands beside it, SQLite takes it from that row, and so does ANY_VALUE(… HAVING MAX …).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pipesql.decompile.build.select import SelectBuilder, View, describe
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.identifiers import aliased, column, unique

GROUPING_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)


def is_aggregate(node: exp.Select) -> bool:
    """Whether the SELECT groups or aggregates."""
    return node.args.get("group") is not None or any(True for part in _clauses(node) for _ in aggregates(part))


def aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregate functions of this level, outermost: not those of subqueries, not windows' own functions."""
    if isinstance(node, exp.Query | exp.Subquery):
        return
    windowed = isinstance(node.parent, exp.Window) and node.arg_key == "this"
    scalar = isinstance(node, exp.Max | exp.Min) and bool(node.expressions)
    if isinstance(node, exp.AggFunc) and not windowed and not scalar:
        yield node
        return
    for child in node.iter_expressions():
        yield from aggregates(child)


def _clauses(node: exp.Select) -> list[exp.Expr]:
    return [*(i.unalias() for i in node.expressions), *_later_clauses(node)]


def _later_clauses(node: exp.Select) -> list[exp.Expr]:
    """What HAVING, QUALIFY and ORDER BY compute."""
    order = node.args.get("order")
    conditions = [node.args[c].this for c in ("having", "qualify") if node.args.get(c) is not None]
    return [*conditions, *([k.this for k in order.expressions] if order is not None else [])]


class Aggregation:
    """Adds AGGREGATE and the WHERE for HAVING to a SELECT's operators, and leaves the view after them."""

    def __init__(self, select: SelectBuilder) -> None:
        self.select = select
        self.node = select.node
        self.before = select.view
        self.computed: dict[exp.Expr, str] = {}
        self.names: set[str] = set()
        self.items: list[exp.Expr] = []
        self.outputs = [(value, output) for output, value in select.bound.outputs]
        self.aliases = {i.this: i.alias for i in self.node.expressions if isinstance(i, exp.Alias)}

    def build(self) -> None:
        """Append the operators."""
        keys = self._keys()
        values = [value for value, _ in self.outputs]
        for value in values:
            if self._is_whole(value):
                self._add(value, value)
        rest = [v for v in values if v not in self.computed]
        rest += _later_clauses(self.node)
        for part in rest:
            for agg in self._missing(part, exp.AggFunc):
                self._add(agg, agg)
        for part in rest:
            for bare in self._missing(part, exp.Column):
                self._add(bare, self._any_value(bare))
        if not keys and not self.items:
            raise UnsupportedSql("GROUP BY of nothing")
        self._append(keys, rest, "GROUP BY" if keys else "SELECT")
        select, having = self.select, self.node.args.get("having")
        if having is not None:
            select.add(op.Where(select.write(having.this, select.view)), "HAVING")

    def distinct(self, hidden: list[exp.Expr]) -> None:
        """SELECT DISTINCT sorted by a column that it leaves out: SQLite sorts by any one of each group's values."""
        keys = [self._key(value) for value in dict.fromkeys(unbracketed(v) for v, _ in self.outputs)]
        for value in dict.fromkeys(hidden):
            self._add(value, exp.AnyValue(this=value.copy()))
        self._append(keys, [], "SELECT")

    def _append(self, keys: list[exp.Expr], rest: list[exp.Expr], clause: str) -> None:
        """AGGREGATE, and a name for what it gives where queries nested in `rest` need one."""
        select = self.select
        select.add(op.Aggregate(tuple(self.items), tuple(keys)), clause, *self.computed)
        select.loose = False
        select.view = View(computed=self.computed, outer=self.before.outer)
        own = {s.id for s in select.bound.sources}
        queries = (query for part in rest for query in part.find_all(exp.Query))
        if any(column.table in own for query in queries for column in query.find_all(exp.Column)):
            base = next(iter(self.before.variables.values()), "t")
            name = unique(base, {*self.names, *select.names_around()})
            select.add(op.As(name), clause)
            select.view.group = name
            select.view.variables[name] = name

    def _keys(self) -> list[exp.Expr]:
        """The keys as pipe expressions, in the order in which the SELECT shows them."""
        group = self.node.args.get("group")
        if group is None:
            return []
        if any(isinstance(k, GROUPING_SETS) for k in group.expressions):
            return [self._set(k) for k in group.expressions]
        shown = [unbracketed(value) for value, _ in self.outputs]
        keys = list(dict.fromkeys(unbracketed(k) for k in group.expressions))
        return [self._key(k) for k in sorted(keys, key=lambda k: shown.index(k) if k in shown else len(shown))]

    def _set(self, key: exp.Expr) -> exp.Expr:
        """A grouping set or a key in it; keys there have no names, so that an expression is computed before."""
        if isinstance(key, GROUPING_SETS):
            return type(key)(expressions=[self._set(k) for k in key.expressions])
        key = unbracketed(key)
        written = self.select.write(key, self.before)
        if key in self.computed or key in self.before.computed:
            return written
        wanted = written.name if isinstance(written, exp.Column) else describe(key)
        self.computed[key] = name = unique(wanted, self.names)
        if isinstance(written, exp.Column) and written.name == name:
            return written
        self.select.add(op.Extend((aliased(written, name),)), "GROUP BY", key)
        self.before.computed[key] = name
        return column(name)

    def _key(self, key: exp.Expr) -> exp.Expr:
        written = self.select.write(key, self.before)
        plain = written.name if isinstance(written, exp.Column) else describe(key)
        alias = self.aliases.get(key, "")
        named = alias and (alias.lower() != plain.lower() or self.select.bindings.keep_names)
        wanted = alias if named else plain
        name = unique(wanted, self.names)
        self.computed[key] = name
        if not written.find(exp.Column, exp.Placeholder):  # GoogleSQL groups by columns, not by constants
            self.select.add(op.Extend((aliased(written, name),)), "GROUP BY", key)
            return column(name)
        if isinstance(written, exp.Column) and written.name == name:
            return written
        return aliased(written, name)

    def _is_whole(self, value: exp.Expr) -> bool:
        """Whether an output can be one AGGREGATE item: every column in it is inside an aggregate function."""
        own = list(aggregates(value))
        if value in self.computed or not own or value.find(exp.Query, exp.Subquery, exp.Window):
            return False
        inside = {id(c) for agg in own for c in agg.find_all(exp.Column)}
        return all(id(c) in inside for c in value.find_all(exp.Column))

    def _add(self, value: exp.Expr, made: exp.Expr) -> None:
        if value in self.computed:
            return
        name = unique(self.aliases.get(value) or describe(made), self.names)
        self.items.append(aliased(self.select.write(made, self.before), name))
        self.computed[value] = name

    def _missing(self, node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
        """Aggregate functions, or columns outside them, that are not computed yet; in subqueries our own columns."""
        if node in self.computed:
            return
        if isinstance(node, exp.Query | exp.Subquery):
            own = {s.id for s in self.select.bound.sources}
            if kind is exp.Column:
                yield from (c for c in node.find_all(exp.Column) if c.table in own and c not in self.computed)
            return
        windowed = isinstance(node.parent, exp.Window) and node.arg_key == "this"
        scalar = isinstance(node, exp.Max | exp.Min) and bool(node.expressions)
        if isinstance(node, exp.AggFunc) and not windowed and not scalar:
            if kind is exp.AggFunc:
                yield node
            return
        if isinstance(node, exp.Column):
            if kind is exp.Column and node.table:
                yield node
            return
        for child in node.iter_expressions():
            yield from self._missing(child, kind)

    def _any_value(self, bare: exp.Expr) -> exp.Expr:
        if not self.select.bindings.semantics.bare_columns and not self._depends(bare):
            raise UnsupportedSql("a column that is neither grouped nor aggregated", f"{bare.name}: add it to GROUP BY")
        own = {agg for part in _clauses(self.node) for agg in aggregates(part) if isinstance(agg, exp.Max | exp.Min)}
        if len(own) != 1:
            return exp.AnyValue(this=bare.copy())
        extreme = own.pop()
        having = exp.HavingMax(this=bare.copy(), expression=extreme.this.copy(), max=isinstance(extreme, exp.Max))
        return exp.AnyValue(this=having)

    def _depends(self, bare: exp.Expr) -> bool:
        """Whether PostgreSQL lets the column stand because its table's primary key is grouped by."""
        source = self.select.bindings.sources.get(bare.table) if isinstance(bare, exp.Column) else None
        table = self.select.bindings.schema.table(source.table) if source is not None else None
        if table is None or self.select.bindings.semantics.dialect != "postgres":
            return False
        primary = {c.name for c in table.columns if c.primary_key}
        grouped = {k.name for k in self.computed if isinstance(k, exp.Column) and k.table == bare.table}
        return bool(primary) and primary <= grouped
