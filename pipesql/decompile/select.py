"""One SELECT to operators: FROM, JOINs, WHERE, then aggregation or projection, ORDER BY, LIMIT.

ORDER BY and LIMIT stand before the final SELECT, which keeps order, unless they need what it computes: so sort keys
that are not shown need no temporary column.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.aggregate import Aggregation, is_aggregate
from pipesql.decompile.bound import Source
from pipesql.decompile.expressions import View
from pipesql.decompile.naming import describe, unique
from pipesql.decompile.query import Built, QueryBuilder, limit, ordered
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import aliased, column, identifier
from pipesql.pipe.query import PipeQuery, nest


class SelectBuilder:
    """Builds one SELECT. `view` is what the next operator sees."""

    def __init__(self, queries: QueryBuilder, node: exp.Select, outer: View | None) -> None:
        self.queries = queries
        self.binder = queries.binder
        self.write = queries.expressions.write
        self.node = node
        self.bound = self.binder.bound(node)
        self.view = View(outer=outer)
        self.operators: list[op.Operator] = []
        self.loose = False
        self.taken = self._names_around() if self._is_correlated() else set()

    def build(self, named: bool) -> Built:
        """All operators of the SELECT; `named` asks for output columns with distinct names."""
        node = self.node
        if not self.bound.sources:
            return self._without_from(named)
        self.first(self.bound.sources[0])
        joins = node.args.get("joins") or []
        conditions = self._in_sight(joins)
        for join, source, condition in zip(joins, self.bound.sources[1:], conditions, strict=True):
            self.join(join, source, condition)
        if node.args.get("where") is not None:
            self.operators.append(op.Where(self.write(node.args["where"].this, self.view)))
        keys = list(node.args["order"].expressions) if node.args.get("order") else []
        self._share(keys)
        if is_aggregate(node):
            Aggregation(self).build()
        elif node.args.get("having") is not None:
            raise UnsupportedSql("HAVING without aggregation")
        names = self.finish(keys, named)
        return Built(self.operators, names, loose=self.loose)

    def _share(self, keys: list[exp.Expr]) -> None:
        """Sort keys that are the same as an output in brackets count as that output."""
        for key in keys:
            key.set("this", key.this.unnest())

    def _without_from(self, named: bool) -> Built:
        for clause in ("where", "group", "having", "order", "limit"):
            if self.node.args.get(clause) is not None:
                raise UnsupportedSql(f"{clause.upper()} without FROM")
        items, names = self._items(named)
        self.operators.append(op.Select(tuple(items)))
        return Built(self.operators, names)

    def first(self, source: Source) -> None:
        """FROM: a table, or a derived table whose operators simply come first."""
        if isinstance(source.node, exp.Table):
            self.operators.append(op.From(self._table(source)))
            self.loose = True
            return
        built = self.queries.query(source.node.this, self.view.outer, named=True)
        if built.ctes:
            query = PipeQuery(tuple(built.operators), tuple(built.ctes))
            name = self._variable(source, source.alias or "t")
            self.operators.append(op.From(_derived(query, name)))
        else:
            self.operators.extend(built.operators)
            nested = any(q is not self.node for q in self.node.find_all(exp.Query) if self._below(q, source.node))
            if built.loose or len(self.bound.sources) > 1 or nested:
                self.operators.append(op.As(self._variable(source, source.alias or "t")))
        self._show(source, built.names)

    @staticmethod
    def _below(query: exp.Expr, derived: exp.Expr) -> bool:
        """Whether a query of this SELECT lies outside the derived table."""
        node: exp.Expr | None = query
        while node is not None:
            if node is derived:
                return False
            node = node.parent
        return True

    def join(self, join: exp.Join, source: Source, condition: exp.Expr | None) -> None:
        """One JOIN; a join without a condition is a CROSS JOIN."""
        if isinstance(source.node, exp.Table):
            written = self._table(source)
        else:
            built = self.queries.query(source.node.this, self.view.outer, named=True)
            query = PipeQuery(tuple(built.operators), tuple(built.ctes))
            written = _derived(query, self._variable(source, source.alias or "t"))
            self._show(source, built.names)
        kind = join.side or ("CROSS" if condition is None else "INNER")
        on = None if condition is None else self.write(condition, self.view)
        if kind in ("LEFT", "RIGHT", "FULL") and on is None:
            on = exp.Boolean(this=True)
        self.operators.append(op.Join(kind, written, on))

    def _in_sight(self, joins: list[exp.Join]) -> list[exp.Expr | None]:
        """Each join's condition; one that names a table to its right moves to that table's join, if all are inner."""
        order = {source.id: number for number, source in enumerate(self.bound.sources)}
        out: list[exp.Expr | None] = [None] * len(joins)
        for number, condition in enumerate(self.bound.conditions):
            if condition is None:
                continue
            last = max([order[c.table] for c in condition.find_all(exp.Column) if c.table in order], default=0) - 1
            if last > number and any(j.side for j in joins):
                raise UnsupportedSql("an ON that names a later table, beside an outer join")
            at = max(last, number)
            held = out[at]
            out[at] = condition if held is None else exp.And(this=_bracket(held), expression=_bracket(condition))
        return out

    def _table(self, source: Source) -> exp.Table:
        table = exp.Table(this=identifier(source.table))
        name = self._variable(source, source.table)
        if name != source.table:
            table.set("alias", exp.TableAlias(this=identifier(name)))
        cte = self.queries.cte_names.get(source.table.lower())
        is_cte = self.binder.schema.table(source.table) is None or (cte is not None and len(cte) == len(source.columns))
        self._show(source, cte if is_cte and cte is not None else [c.name for c in source.columns])
        return table

    def _variable(self, source: Source, base: str) -> str:
        """The range variable: the table's own name unless another one has it."""
        used = {v.lower() for v in self.view.variables.values()} | self.taken
        name = unique(base, used)
        self.view.variables[source.id] = name
        return name

    def _show(self, source: Source, names: list[str]) -> None:
        shown: dict[str, str] = {}
        for bound, name in zip(source.columns, names, strict=True):
            shown.setdefault(bound.name.lower(), name)
        self.view.columns[source.id] = shown

    def _is_correlated(self) -> bool:
        own = {s.id for q in self.node.find_all(exp.Select) for s in self.binder.bound(q).sources}
        return any(c.table and c.table not in own for c in self.node.find_all(exp.Column))

    def _names_around(self) -> set[str]:
        names: set[str] = set()
        view = self.view.outer
        while view is not None:
            names |= {v.lower() for v in view.variables.values()}
            view = view.outer
        return names

    def finish(self, keys: list[exp.Expr], named: bool) -> list[str]:
        """ORDER BY, LIMIT, the final SELECT, in the order that each query needs."""
        distinct = self._is_distinct(keys)
        late = bool(keys) and (distinct or any(self._is_output(k.this) and self._computes(k.this) for k in keys))
        items, names = self._items(named or late)
        needed = not self._is_identity(items, names)
        if late:
            self._project(items, needed, distinct)
            self.operators.append(op.OrderBy(tuple(self._late_key(k, names) for k in keys)))
            self.operators.extend(limit(self.node))
            return names
        if keys:
            self.operators.append(op.OrderBy(tuple(ordered(k, self.write(k.this, self.view)) for k in keys)))
        if distinct:
            self._project(items, needed, distinct)
            self.operators.extend(limit(self.node))
        else:
            self.operators.extend(limit(self.node))
            self._project(items, needed, distinct)
        return names

    def _is_distinct(self, keys: list[exp.Expr]) -> bool:
        """Whether rows still have to be made distinct. Sort keys that DISTINCT would leave out are grouped first."""
        clause = self.node.args.get("distinct")
        if clause is None:
            return False
        if clause.args.get("on"):
            raise UnsupportedSql("DISTINCT ON")
        values = {value.unnest() for _, value in self.bound.outputs}
        if self.view.computed:
            group = self.node.args.get("group")
            return group is None or any(k.unnest() not in values for k in group.expressions)
        hidden = [k.this for k in keys if k.this not in values]
        if not hidden:
            return True
        Aggregation(self).distinct(hidden)
        return False

    def _project(self, items: list[exp.Expr], needed: bool, distinct: bool) -> None:
        if needed:
            self.operators.append(op.Select(tuple(items), distinct))
            self.loose = False
        elif distinct:
            self.operators.append(op.Distinct())

    def _is_output(self, key: exp.Expr) -> bool:
        return any(value.unnest() == key for _, value in self.bound.outputs)

    def _computes(self, key: exp.Expr) -> bool:
        return not isinstance(key, exp.Column) and key not in self.view.computed

    def _late_key(self, key: exp.Expr, names: list[str]) -> exp.Ordered:
        """A sort key after the final SELECT: the output that it equals."""
        for (_, value), name in zip(self.bound.outputs, names, strict=True):
            if value.unnest() == key.this and [n.lower() for n in names].count(name.lower()) == 1:
                return ordered(key, column(name))
        raise UnsupportedSql("ORDER BY of a column that SELECT DISTINCT leaves out", key.this.sql("sqlite")[:80])

    def _items(self, named: bool) -> tuple[list[exp.Expr], list[str]]:
        """The final SELECT's items and the names of all output columns."""
        items: list[exp.Expr] = []
        names: list[str] = []
        taken: set[str] = set()
        explicit = named or self.bound.merged or bool(self.view.computed)
        for item in self.node.expressions:
            star = isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))
            if star and not explicit:
                source = None if isinstance(item, exp.Star) else item.table
                items.append(self._star(source))
                names.extend(self._star_names(source))
                continue
            for value, wanted in self._values(item, star):
                written = self.write(value, self.view)
                name = wanted or (written.name if isinstance(written, exp.Column) else "")
                if named:
                    name = unique(name or describe(value), taken)
                same = isinstance(written, exp.Column) and written.name == name
                items.append(written if same or not name else aliased(written, name))
                names.append(name)
        return items, names

    def _values(self, item: exp.Expr, star: bool) -> list[tuple[exp.Expr, str]]:
        if not star:
            return [(item.unalias(), item.alias)]
        single = exp.Select(expressions=[item.copy()])
        return [(value, "") for _, value in self.binder.expand(single, self.bound)]

    def _star(self, source: str | None) -> exp.Expr:
        if source is None:
            return exp.Star()
        variable = self.view.variables.get(source)
        if variable is None:
            return exp.Star()
        return exp.Column(this=exp.Star(), table=identifier(variable))

    def _star_names(self, source: str | None) -> list[str]:
        shown = self.view.columns
        return [n for s in self.bound.sources if source in (None, s.id) for n in shown[s.id].values()]

    def _is_identity(self, items: list[exp.Expr], names: list[str]) -> bool:
        """Whether the table already is what SELECT would make of it."""
        if len(items) == 1 and isinstance(items[0], exp.Star):
            return True
        if self.view.computed:
            plain = [i.name for i in items if isinstance(i, exp.Column)]
            return len(plain) == len(items) and plain == list(self.view.computed.values())
        return False


def _bracket(condition: exp.Expr) -> exp.Expr:
    return exp.Paren(this=condition) if isinstance(condition, exp.Or) else condition


def _derived(query: PipeQuery, name: str) -> exp.Subquery:
    return exp.Subquery(this=nest(query), alias=exp.TableAlias(this=identifier(name)))
