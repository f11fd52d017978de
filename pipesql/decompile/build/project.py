"""The end of a SELECT: ORDER BY, LIMIT and the final SELECT.

ORDER BY and LIMIT stand before the final SELECT, which keeps order, unless they need what it computes: so sort keys
that are not shown need no temporary column.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.bindings import is_star
from pipesql.decompile.build.aggregate import Aggregation
from pipesql.decompile.build.select import SelectBuilder, describe, ordered
from pipesql.decompile.prepare.parse import limit
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import is_constant, outermost, unbracketed
from pipesql.pipe.identifiers import aliased, column, identifier, unique


class Projection:
    """Adds the last operators of a SELECT. `named` asks for output columns with distinct names."""

    def __init__(self, select: SelectBuilder, named: bool) -> None:
        self.select = select
        self.node = select.node
        self.bound = select.bound
        self.named = named
        self.extended = False
        """Window functions stand in columns behind all others."""

    def without_from(self) -> list[str]:
        """`SELECT items` alone, of one row; gives the output names."""
        items, names = self._items(self.named)
        self.select.add(op.Select(tuple(items)), "SELECT")
        for operator in limit(self.node):
            self.select.add(operator, "LIMIT")
        return names

    def build(self) -> list[str]:
        """ORDER BY, LIMIT, the final SELECT, in the order that the query needs; gives the output names."""
        add = self.select.add
        keys = self._keys()
        self._qualify(keys)
        distinct = self._is_distinct(keys)
        cut = limit(self.node)
        if (keys or cut) and not distinct:
            self._compute_windows([])
        shown = all(self._is_output(k.this) for k in keys)
        late = bool(keys) and (distinct or (shown and any(self._computes(k.this) for k in keys)))
        items, names = self._items(self.named or late)
        last = self._project(items, names, distinct)
        sorting: tuple[exp.Expr, ...] = ()
        if late:
            sorting = tuple(self._late_key(k, names) for k in keys)
        elif keys:
            sorting = tuple(ordered(k, self.select.write(k.this, self.select.view)) for k in keys)
        sort = [(op.OrderBy(sorting), "ORDER BY")] if sorting else []
        final = [(operator, "SELECT") for operator in last]
        limits = [(operator, "LIMIT") for operator in cut]
        if late:
            steps = [*final, *sort, *limits]
        else:
            steps = [*sort, *final, *limits] if distinct else [*sort, *limits, *final]
        for operator, clause in steps:
            add(operator, clause)
        return names

    def _qualify(self, keys: list[exp.Expr]) -> None:
        """QUALIFY: WHERE, behind the windows of the outputs, which see the rows that it leaves out."""
        qualify = self.node.args.get("qualify")
        if qualify is None:
            return
        if any(value.find(exp.Window) for _, value in self.bound.outputs) or any(k.this.find(exp.Window) for k in keys):
            self._compute_windows([qualify.this, *(k.this for k in keys)])
        self.select.add(op.Where(self.select.write(qualify.this, self.select.view)), "QUALIFY")

    def _compute_windows(self, beside: list[exp.Expr]) -> None:
        """EXTEND with the window functions of the outputs: they see the rows that LIMIT cuts, and lose the order."""
        view = self.select.view
        found: list[exp.Expr] = []
        for value in (*(value for _, value in self.bound.outputs), *beside):
            found += [w for w in outermost(value, exp.Window) if w not in found and w not in view.computed]
        if not found:
            return
        taken = {n.lower() for n in (*view.computed.values(), *(n for s in view.columns.values() for n in s.values()))}
        items = []
        for window in found:
            alias = next((i.alias for i in self.node.expressions if i.alias and i.this == window), "")
            written = self.select.write(window, view)
            items.append((window, written, unique(alias or describe(window), taken)))
        self.select.add(op.Extend(tuple(aliased(w, name) for _, w, name in items)), "SELECT", *found)
        view.computed.update({window: name for window, _, name in items})
        self.extended = True

    def _keys(self) -> list[exp.Expr]:
        """The sort keys; one that is an output in brackets counts as that output, a constant sorts nothing."""
        order = self.node.args.get("order")
        keys = list(order.expressions) if order is not None else []
        for key in keys:
            key.set("this", unbracketed(key.this))
        return [key for key in keys if not is_constant(key.this)]

    def _is_distinct(self, keys: list[exp.Expr]) -> bool:
        """Whether rows still have to be made distinct. Sort keys that DISTINCT would leave out are grouped first."""
        clause = self.node.args.get("distinct")
        if clause is None:
            return False
        values = {unbracketed(value) for _, value in self.bound.outputs}
        group = self.node.args.get("group")
        if self.select.view.computed and group is not None and all(unbracketed(k) in values for k in group.expressions):
            return False
        hidden = [k.this for k in keys if k.this not in values]
        if not hidden:
            return True
        if not self.select.bindings.semantics.bare_columns:
            raise UnsupportedSql("ORDER BY of a column that SELECT DISTINCT leaves out", "select it, or use GROUP BY")
        if any(value.find(exp.Window) for value in (*values, *hidden)):
            self._compute_windows(hidden)
        Aggregation(self.select).distinct(hidden)
        self.extended = False
        return False

    def _project(self, items: list[exp.Expr], names: list[str], distinct: bool) -> list[op.Operator]:
        """The final SELECT, unless the table already is what it would make."""
        if not self._is_identity(items, names):
            self.select.loose = False
            return [op.Select(tuple(items), distinct)]
        return [op.Distinct()] if distinct else []

    def _is_identity(self, items: list[exp.Expr], names: list[str]) -> bool:
        if len(items) == 1 and isinstance(items[0], exp.Star):
            return True
        computed = self.select.view.computed
        if computed and not self.extended:
            plain = [i.name for i in items if isinstance(i, exp.Column)]
            return len(plain) == len(items) and plain == list(computed.values())
        return False

    def _is_output(self, key: exp.Expr) -> bool:
        return any(unbracketed(value) == key for _, value in self.bound.outputs)

    def _computes(self, key: exp.Expr) -> bool:
        return not isinstance(key, exp.Column) and key not in self.select.view.computed

    def _late_key(self, key: exp.Expr, names: list[str]) -> exp.Ordered:
        """A sort key after the final SELECT: the output that it equals."""
        for (_, value), name in zip(self.bound.outputs, names, strict=True):
            if unbracketed(value) == key.this and [n.lower() for n in names].count(name.lower()) == 1:
                return ordered(key, column(name))
        raise UnsupportedSql("ORDER BY of a column that SELECT DISTINCT leaves out", "select it, or use GROUP BY")

    def _items(self, named: bool) -> tuple[list[exp.Expr], list[str]]:
        """The final SELECT's items and the names of all output columns."""
        items: list[exp.Expr] = []
        names: list[str] = []
        taken: set[str] = set()
        explicit = (named and not self._is_whole()) or self.bound.star is not None or bool(self.select.view.computed)
        for item in self.node.expressions:
            if is_star(item) and not explicit:
                source = None if isinstance(item, exp.Star) else item.table
                items.append(self._star(source))
                names.extend(self._star_names(source))
                continue
            for value, wanted in self._values(item):
                written = self.select.write(value, self.select.view)
                name = wanted or (written.name if isinstance(written, exp.Column) else "")
                if named:
                    name = unique(name or describe(value), taken)
                same = isinstance(written, exp.Column) and self._is_named(written, name)
                items.append(written if same or not name else aliased(written, name))
                names.append(written.name if same else name)
        return items, names

    def _is_named(self, column: exp.Column, name: str) -> bool:
        """Whether an alias would change nothing: it is the column's name, in whatever case."""
        own: str = column.name
        return own == name if self.select.bindings.keep_names else own.lower() == name.lower()

    def _is_whole(self) -> bool:
        """Whether the SELECT is `*` alone, of columns whose names differ already."""
        alone = len(self.node.expressions) == 1 and isinstance(self.node.expressions[0], exp.Star)
        if not alone or self.select.view.computed:
            return False
        names = [n.lower() for n in self._star_names(None)]
        return len(set(names)) == len(names)

    def _values(self, item: exp.Expr) -> list[tuple[exp.Expr, str]]:
        """The bound values of an item and their names, if it gives any."""
        if not is_star(item):
            return [(item.unalias(), item.alias)]
        single = exp.Select(expressions=[item.copy()])
        merged = self.bound.star is not None
        return [(v, o.name if merged else "") for o, v in self.select.bindings.expand(single, self.bound)]

    def _star(self, source: str | None) -> exp.Expr:
        variable = None if source is None else self.select.view.variables.get(source)
        return exp.Star() if variable is None else exp.Column(this=exp.Star(), table=identifier(variable))

    def _star_names(self, source: str | None) -> list[str]:
        shown = self.select.view.columns
        return [n for s in self.bound.sources if source in (None, s.id) for n in shown[s.id].values()]
