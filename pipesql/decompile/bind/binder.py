"""Name resolution of standard SQL by the dialect's rules: after it, every column names its source, nothing is implicit.

Output aliases and ordinals in WHERE, GROUP BY, HAVING and ORDER BY have given way to what they stand for; `"x"` that
names nothing has become the string that SQLite takes it for (https://sqlite.org/quirks.html, section 8).
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.bindings import Around, Bindings, BoundSelect, Output, is_star
from pipesql.decompile.bind.compound import bind_ctes, bind_set_operation
from pipesql.decompile.bind.names import Names, Terms
from pipesql.decompile.bind.tables import Tables
from pipesql.decompile.prepare.parse import limit
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.expressions import outermost
from pipesql.pipe.identifiers import identifier, suggestion

_CLAUSES_REFUSED = ("sample", "laterals", "cluster", "sort", "distribute", "into", "match", "connect", "prewhere")


class Binder:
    """Binds a query in place, and notes what it finds out in `bindings`."""

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        self.tables = Tables(self)

    def query(self, node: exp.Expr, around: Around) -> list[Output]:
        """Bind a query, its subqueries included; gives its output columns. Raises UnknownName, UnsupportedSql."""
        if node.args.get("with_") is not None:
            around = bind_ctes(self, node.args["with_"], around)
        match node:
            case exp.Subquery():
                return self.query(node.this, around)
            case exp.Select():
                return self.select(node, around)
            case exp.SetOperation():
                return bind_set_operation(self, node, around)
        raise UnsupportedSql(f"{node.key.upper()} as a query")

    def select(self, node: exp.Select, around: Around) -> list[Output]:
        """Bind one SELECT, clause by clause in the order in which names are resolved."""
        for clause in _CLAUSES_REFUSED:
            if node.args.get(clause):
                raise UnsupportedSql(clause.upper())
        if node.args.get("kind"):
            raise UnsupportedSql(f"SELECT AS {node.args['kind']}")
        if not node.expressions:
            raise SqlSyntaxError("SELECT needs at least one column")
        limit(node)  # that it is constant: nothing in it is bound
        bound = self.bindings.new_select(node)
        self.tables.bind(node, bound, around)
        names = self.names(bound, around)
        self._items(node, names)
        bound.outputs = self.bindings.expand(node, bound)
        for clause in ("where", "having", "qualify"):
            if node.args.get(clause) is not None:
                names.enter(clause)
                names.bind(node.args[clause])
        terms = Terms(names)
        group, order = node.args.get("group"), node.args.get("order")
        if group is not None:
            terms.group(group)
        if order is not None:
            terms.order(order)
        if node.args.get("distinct") is not None and node.args["distinct"].args.get("on"):
            terms.first_of_each(node)
        if around.outer:
            _refuse_foreign_aggregates(node, bound)
        return [o for o, _ in bound.outputs]

    def names(self, bound: BoundSelect, around: Around) -> Names:
        """The look-up of names for a SELECT."""

        def nested(query: exp.Expr) -> object:
            return self.query(query, around.inside(bound))

        return Names(self.bindings, bound, around.outer, nested)

    def _items(self, node: exp.Select, names: Names) -> None:
        """The items of the SELECT; one that stood for another expression keeps its name."""
        names.enter("expressions")
        for item in list(node.expressions):
            if is_star(item):
                self._star_item(node, item, names)
                continue
            number = item.index
            names.bind(item)
            now = node.expressions[number]
            if now is not item and not isinstance(now, exp.Literal):
                merged = (o.name for o, _ in names.bound.star or () if o.name.lower() == item.name.lower())
                node.set("expressions", exp.Alias(this=now, alias=identifier(next(merged, item.name))), number)
            if isinstance(item, exp.Alias):
                names.aliases.setdefault(item.alias.lower(), item.this)

    def _star_item(self, node: exp.Select, item: exp.Expr, names: Names) -> None:
        """`*` or `t.*`; with EXCEPT, EXCLUDE, REPLACE or RENAME it gives way to the columns that are left."""
        star = item.this if isinstance(item, exp.Column) else item
        changes = {key: star.args.get(key) or [] for key in ("except_", "replace", "rename")}
        if any(value for key, value in star.args.items() if key not in changes):
            raise UnsupportedSql("a pattern of columns beside *", item.sql(self.bindings.semantics.dialect))
        for key in changes:
            star.set(key, None)
        names.bind(item)
        if not any(changes.values()):
            return
        if any(isinstance(c, exp.Column) and c.table for c in changes["except_"]):
            raise UnsupportedSql("a qualified column behind * EXCLUDE")
        gone = {c.name.lower() for c in changes["except_"]}
        other: dict[str, exp.Expr] = {}
        for change in changes["replace"]:
            names.bind(change)
            other[change.alias.lower()] = change
        called = {c.this.name.lower(): c.alias for c in changes["rename"]}
        shown = self.bindings.star(item, names.bound)
        missing = (gone | other.keys() | called.keys()) - {o.name.lower() for o, _ in shown}
        if missing:
            raise UnknownName(
                f"no column {sorted(missing)[0]} in *: {suggestion(sorted(missing)[0], [o.name for o, _ in shown])}",
                sorted(missing)[0],
            )
        explicit: list[exp.Expr] = []
        for output, value in shown:
            lower = output.name.lower()
            if lower in other:
                explicit.append(other[lower])
            elif lower in called:
                explicit.append(exp.Alias(this=value, alias=identifier(called[lower])))
            elif lower not in gone:
                explicit.append(value)
        at = item.index or 0
        node.set("expressions", [*node.expressions[:at], *explicit, *node.expressions[at + 1 :]])


def _refuse_foreign_aggregates(node: exp.Select, bound: BoundSelect) -> None:
    """In SQL an aggregate function whose columns are all those of an outer query belongs to that query."""
    own = {source.id for source in bound.sources}
    clauses = [node.args.get(name) for name in ("where", "having", "order")]
    for part in (*node.expressions, *(c for c in clauses if c is not None)):
        for function in outermost(part, exp.AggFunc):
            columns = list(function.find_all(exp.Column))
            if columns and not any(c.table in own for c in columns):
                raise UnsupportedSql("an aggregate function of an outer query inside a subquery")
