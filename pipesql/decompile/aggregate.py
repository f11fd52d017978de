"""GROUP BY, HAVING and aggregate functions to `|> AGGREGATE … GROUP BY …` and `|> WHERE`.

Keys come in the order in which the SELECT shows them, so that often no final SELECT is needed. A column that is
neither grouped nor aggregated (SQLite's bare column, https://sqlite.org/lang_select.html#bareagg) becomes ANY_VALUE;
where a single MIN or MAX stands beside it, SQLite takes it from that row, and so does ANY_VALUE(… HAVING MAX …).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.expressions import View
from pipesql.decompile.naming import describe, unique
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased, column
from pipesql.pipe.rebuild import unbracketed

if TYPE_CHECKING:
    from pipesql.decompile.select import SelectBuilder


def is_aggregate(node: exp.Select) -> bool:
    """Whether the SELECT groups or aggregates."""
    return node.args.get("group") is not None or any(True for part in _clauses(node) for _ in aggregates(part))


def aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregate functions of this level, outermost: not those of subqueries, not windows' own functions."""
    if isinstance(node, exp.Query | exp.Subquery):
        return
    if isinstance(node, exp.Anonymous) and node.name.upper() == "TOTAL":
        raise UnsupportedSql("TOTAL", "write COALESCE(SUM(…), 0.0)")
    windowed = isinstance(node.parent, exp.Window) and node.arg_key == "this"
    scalar = isinstance(node, exp.Max | exp.Min) and bool(node.expressions)
    if isinstance(node, exp.AggFunc) and not windowed and not scalar:
        yield node
        return
    for child in node.iter_expressions():
        yield from aggregates(child)


def _clauses(node: exp.Select) -> list[exp.Expr]:
    having, order = node.args.get("having"), node.args.get("order")
    keys = [k.this for k in order.expressions] if order is not None else []
    return [*(i.unalias() for i in node.expressions), *([having.this] if having is not None else []), *keys]


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
        keys = [self._key(k) for k in self._ordered_keys()]
        values = [value for value, _ in self.outputs]
        for value in values:
            if self._is_whole(value):
                self._add(value, value)
        rest = [v for v in values if v not in self.computed]
        having, order = self.node.args.get("having"), self.node.args.get("order")
        rest += [having.this] if having is not None else []
        rest += [k.this for k in order.expressions] if order is not None else []
        for part in rest:
            for agg in self._missing(part, exp.AggFunc):
                self._add(agg, agg)
        for part in rest:
            for bare in self._missing(part, exp.Column):
                self._add(bare, self._any_value(bare))
        if not keys and not self.items:
            raise UnsupportedSql("GROUP BY of nothing")
        select = self.select
        self._append(keys, rest)
        if having is not None:
            select.operators.append(op.Where(select.write(having.this, select.view)))

    def distinct(self, hidden: list[exp.Expr]) -> None:
        """SELECT DISTINCT sorted by what it leaves out: SQLite sorts by any one of each group's values."""
        keys = [self._key(value) for value in dict.fromkeys(unbracketed(v) for v, _ in self.outputs)]
        for value in dict.fromkeys(hidden):
            self._add(value, exp.AnyValue(this=value.copy()))
        self._append(keys, [])

    def _append(self, keys: list[exp.Expr], rest: list[exp.Expr]) -> None:
        """AGGREGATE, and a name for what it gives where queries nested in `rest` need one."""
        select = self.select
        select.operators.append(op.Aggregate(tuple(self.items), tuple(keys)))
        select.loose = False
        select.view = View(computed=self.computed, outer=self.before.outer)
        own = {s.id for s in select.bound.sources}
        queries = (query for part in rest for query in part.find_all(exp.Query))
        if any(column.table in own for query in queries for column in query.find_all(exp.Column)):
            base = next(iter(self.before.variables.values()), "t")
            name = unique(base, {*self.names, *select.names_around()})
            select.operators.append(op.As(name))
            select.view.group = name
            select.view.variables[name] = name

    def _ordered_keys(self) -> list[exp.Expr]:
        group = self.node.args.get("group")
        keys = list(dict.fromkeys(unbracketed(k) for k in group.expressions)) if group is not None else []
        shown = [unbracketed(value) for value, _ in self.outputs]
        return sorted(keys, key=lambda k: shown.index(k) if k in shown else len(shown))

    def _key(self, key: exp.Expr) -> exp.Expr:
        written = self.select.write(key, self.before)
        wanted = self.aliases.get(key) or (key.name if isinstance(key, exp.Column) else describe(key))
        if isinstance(written, exp.Column) and not self.aliases.get(key):
            wanted = written.name
        name = unique(wanted, self.names)
        self.computed[key] = name
        if not written.find(exp.Column, exp.Placeholder):  # GoogleSQL groups by columns, not by constants
            self.select.operators.append(op.Extend((aliased(written, name),)))
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
        own = {agg for part in _clauses(self.node) for agg in aggregates(part) if isinstance(agg, exp.Max | exp.Min)}
        if len(own) != 1:
            return exp.AnyValue(this=bare.copy())
        extreme = own.pop()
        having = exp.HavingMax(this=bare.copy(), expression=extreme.this.copy(), max=isinstance(extreme, exp.Max))
        return exp.AnyValue(this=having)
