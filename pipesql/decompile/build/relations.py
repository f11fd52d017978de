"""FROM and JOIN to operators, and the range variables by which later operators know their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.bind.bound import Source
from pipesql.decompile.bind.tables import unique
from pipesql.decompile.prepare.sugar import is_one_row
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.query import PipeQuery, nest

if TYPE_CHECKING:
    from pipesql.decompile.build.query import SelectBuilder


class Relations:
    """Adds FROM and the JOINs to a SELECT's operators, and what they show to its view."""

    def __init__(self, select: SelectBuilder) -> None:
        self.select = select
        self.node = select.node
        self.sources = select.bound.sources
        self.view = select.view
        nested = self.view.outer is not None and self._is_correlated()
        self.taken = (select.names_around() if nested else set()) | self._shadows()
        self.tables = {source.table.lower() for source in self.sources if source.table}

    def build(self) -> list[exp.Expr]:
        """Append the operators; gives conditions of inner joins that have to wait for tables behind them."""
        joins = self.node.args.get("joins") or []
        conditions, late = self._in_sight(joins)
        self._first(self.sources[0])
        for join, source, condition in zip(joins, self.sources[1:], conditions, strict=True):
            self._join(join, source, condition)
        return late

    def _first(self, source: Source) -> None:
        """FROM: a table, or a derived table whose operators simply come first."""
        select = self.select
        if isinstance(source.node, exp.Table):
            select.add(op.From(self._table(source)), "FROM", source.node)
            select.loose = True
            return
        built = select.queries.query(source.node.this, self.view.outer, named=True)
        if built.ctes:
            table = _derived(built.query(), self._variable(source, "t"))
            select.add(op.From(table), "FROM", source.node)
        else:
            select.operators.extend(built.operators)
            kept = select.binder.keep_names and source.alias
            named = built.loose or len(self.sources) > 1 or self._nests_outside(source.node) or kept
            if named and not is_one_row(source.node):
                select.add(op.As(self._variable(source, "t")), "FROM", source.node)
        self._show(source, built.names)

    def _nests_outside(self, derived: exp.Expr) -> bool:
        """Whether a query nested in this SELECT, other than the derived table, may name its columns."""
        inside = {id(query) for query in derived.find_all(exp.Query)}
        return any(query is not self.node and id(query) not in inside for query in self.node.find_all(exp.Query))

    def _join(self, join: exp.Join, source: Source, condition: exp.Expr | None) -> None:
        """One JOIN; a join without a condition is a CROSS JOIN."""
        select = self.select
        if isinstance(source.node, exp.Table):
            written: exp.Expr = self._table(source)
        else:
            built = select.queries.query(source.node.this, self.view.outer, named=True)
            written = _derived(built.query(), self._variable(source, "t"))
            self._show(source, built.names)
        kind = join.side or ("CROSS" if condition is None else "")
        on = None if condition is None else select.write(condition, self.view)
        if kind in ("LEFT", "RIGHT", "FULL") and on is None:
            on = exp.Boolean(this=True)
        select.add(op.Join(kind, written, on), "JOIN", join)

    def _in_sight(self, joins: list[exp.Join]) -> tuple[list[exp.Expr | None], list[exp.Expr]]:
        """Each join's condition; one that names a table to its right moves to that table's join, if all are inner.

        Beside a LEFT JOIN it waits until all tables are there, as it does in SQLite: ON of an inner join is WHERE
        (https://sqlite.org/lang_select.html#fromclause).
        """
        conditions = self.select.bound.conditions
        order = {source.id: number for number, source in enumerate(self.sources)}
        out: list[exp.Expr | None] = [None] * len(joins)
        late: list[exp.Expr] = []
        for number, condition in enumerate(conditions):
            if condition is None:
                continue
            last = max([order[c.table] for c in condition.find_all(exp.Column) if c.table in order], default=0) - 1
            if last > number and any(j.side for j in joins):
                if joins[number].side or any(j.side != "LEFT" for j in joins if j.side):
                    raise UnsupportedSql("an ON that names a later table, in or beside an outer join")
                late.append(condition)
                continue
            at = max(last, number)
            held = out[at]
            out[at] = condition if held is None else exp.And(this=bracketed(held), expression=bracketed(condition))
        return out, late

    def _table(self, source: Source) -> exp.Table:
        queries = self.select.queries
        spelt = source.node.name if self.select.binder.keep_names else source.table
        table = exp.Table(this=identifier(spelt))
        name = self._variable(source, source.table)
        if name != spelt:
            table.set("alias", exp.TableAlias(this=identifier(name)))
        if source.is_cte:
            names = queries.cte_names[source.table.lower()]
        else:
            known = queries.binder.schema.table(source.table)
            names = [c.name for c in known.columns] if known is not None and source.renamed else []
        self._show(source, names or [c.name for c in source.columns])
        return table

    def _variable(self, source: Source, base: str) -> str:
        """The range variable: the table's own name unless another one has it, or the query's own is asked for."""
        if self.select.binder.keep_names and source.alias:
            base = source.alias
        taken = {v.lower() for v in self.view.variables.values()} | self.taken | (self.tables - {source.table.lower()})
        name = unique(base, taken)
        self.view.variables[source.id] = name
        return name

    def _show(self, source: Source, names: list[str]) -> None:
        shown: dict[str, str] = {}
        for bound, name in zip(source.columns, names, strict=True):
            shown.setdefault(bound.name.lower(), name)
        self.view.columns[source.id] = shown

    def _shadows(self) -> set[str]:
        """Columns of nested queries that name columns of this one: there a range variable of that name is hidden."""
        nested = [q for q in self.node.find_all(exp.Select) if q is not self.node]
        own = {s.id for s in self.sources}
        if not any(c.args.get("table") and c.table in own for q in nested for c in q.find_all(exp.Column)):
            return set()
        bound = self.select.binder.bound
        return {c.name.lower() for q in nested for s in bound(q).sources for c in s.columns}

    def _is_correlated(self) -> bool:
        bound = self.select.binder.bound
        own = {s.id for q in self.node.find_all(exp.Select) for s in bound(q).sources}
        return any(c.table and c.table not in own for c in self.node.find_all(exp.Column))


def bracketed(condition: exp.Expr) -> exp.Expr:
    """The condition as one side of AND."""
    return exp.Paren(this=condition) if isinstance(condition, exp.Or) else condition


def _derived(query: PipeQuery, name: str) -> exp.Subquery:
    return exp.Subquery(this=nest(query), alias=exp.TableAlias(this=identifier(name)))
