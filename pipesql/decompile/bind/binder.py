"""Name resolution of standard SQL by the dialect's rules: after it, every column names its source, nothing is implicit.

A bound column is `Column(this=<schema's spelling>, table=<source id>)`, where the id is unique in the whole query; so
bound expressions compare by structure, and survive being moved. Output aliases and ordinals in WHERE, GROUP BY,
HAVING and ORDER BY have given way to what they stand for; `"x"` that names nothing has become the string that SQLite
takes it for (https://sqlite.org/quirks.html, section 8).
"""

from __future__ import annotations

import itertools

from sqlglot import exp

from pipesql.decompile.bind.bound import Around, BoundSelect, Output, Shown, Source, bound_column, is_star, outermost
from pipesql.decompile.bind.compound import Compounds
from pipesql.decompile.bind.names import WRITTEN, Names
from pipesql.decompile.bind.tables import Tables
from pipesql.decompile.bind.terms import Terms
from pipesql.decompile.build.built import limit
from pipesql.decompile.habits import Habits
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.schema import Schema
from pipesql.pipe.types import kind_of

_MARK = "pipesql.select"
_CLAUSES_REFUSED = ("sample", "laterals", "cluster", "sort", "distribute", "into", "match", "connect", "prewhere")


class Binder:
    """Binds a query in place; `bound` gives what was found out about a SELECT of it, or about a copy of one."""

    def __init__(self, schema: Schema, habits: Habits, keep_names: bool = False, note_written: bool = False) -> None:
        self.schema = schema
        self.habits = habits
        self.keep_names = keep_names
        self.note_written = keep_names or note_written
        self.selects: list[BoundSelect] = []
        self.sources: dict[str, Source] = {}
        self.numbers = itertools.count(1)
        """For the ids of sources: one inside a derived table is known before that table is."""
        self.tables = Tables(self)
        self.compounds = Compounds(self)

    def bound(self, node: exp.Expr) -> BoundSelect:
        """What binding found out about this SELECT."""
        number: int = node.meta[_MARK]
        return self.selects[number]

    def query(self, node: exp.Expr, around: Around) -> list[Output]:
        """Bind a query, its subqueries included; gives its output columns. Raises UnknownName, UnsupportedSql."""
        if node.args.get("with_") is not None:
            around = self.compounds.ctes(node.args["with_"], around)
        match node:
            case exp.Subquery():
                return self.query(node.this, around)
            case exp.Select():
                return self.select(node, around)
            case exp.SetOperation():
                return self.compounds.set_operation(node, around)
        raise UnsupportedSql(f"{node.key.upper()} as a query")

    def select(self, node: exp.Select, around: Around) -> list[Output]:
        """Bind one SELECT, clause by clause in the order in which names are resolved."""
        for clause in _CLAUSES_REFUSED:
            if node.args.get(clause):
                raise UnsupportedSql(clause.upper())
        if node.args.get("kind"):
            raise UnsupportedSql(f"SELECT AS {node.args['kind']}")
        if not node.expressions:
            raise SqlSyntaxError("a SELECT without columns")
        limit(node)  # that it is constant: nothing in it is bound
        bound = BoundSelect([], [])
        node.meta[_MARK] = len(self.selects)  # survives copying, which id() does not
        self.selects.append(bound)
        self.tables.bind(node, bound, around)
        names = self.names(bound, around)
        self._items(node, names)
        bound.outputs = self.expand(node, bound)
        for clause in ("where", "having", "qualify"):
            if node.args.get(clause) is not None:
                names.enter(clause)
                names.bind(node.args[clause])
        terms = Terms(self, names)
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

        return Names(bound, around.outer, nested, self.habits, self._rowid, self.note_written)

    def _rowid(self, source: Source) -> str:
        """The name of the INTEGER PRIMARY KEY of a source that is a table, or nothing."""
        table = self.schema.table(source.table)
        if table is None or source.is_cte:
            return ""
        keys = [c for c in table.columns if c.primary_key]
        return keys[0].name if len(keys) == 1 and keys[0].type.upper() == "INTEGER" else ""

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
            raise UnsupportedSql("a pattern of columns beside *", item.sql(self.habits.dialect))
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
        shown = self._star(item, names.bound)
        missing = (gone | other.keys() | called.keys()) - {o.name.lower() for o, _ in shown}
        if missing:
            raise UnknownName(f"no column {sorted(missing)[0]} in *", sorted(missing)[0])
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

    def expand(self, node: exp.Select, bound: BoundSelect) -> list[Shown]:
        """Every output column with its bound expression."""
        out: list[Shown] = []
        for item in node.expressions:
            if is_star(item):
                out.extend(self._star(item, bound))
                continue
            value = item.unalias()
            name = item.alias or (value.name if isinstance(value, exp.Column) else "")
            # SQLite names an output without an alias by its text
            out.append((Output(name or value.sql("sqlite"), self.kind(value)), value))
        return out

    def _star(self, item: exp.Expr, bound: BoundSelect) -> list[Shown]:
        """The columns of `*` or of a bound `t.*`."""
        if not isinstance(item, exp.Star):
            return [(c, bound_column(self.sources[item.table], c.name)) for c in self.sources[item.table].columns]
        if bound.star is not None:
            return [(output, value.copy()) for output, value in bound.star]
        return [(c, bound_column(source, c.name)) for source in bound.sources for c in source.columns]

    def kind(self, value: exp.Expr) -> str:
        """Kind of a bound expression's values (`pipe.types`)."""

        def leaf_kind(node: exp.Expr) -> str:
            if isinstance(node, exp.Subquery):
                return self.bound(node.this).outputs[0][0].kind if _MARK in node.this.meta else ""
            source = self.sources.get(node.args["table"].name) if node.args.get("table") else None
            found = source.find(node.name) if source else None
            return found.kind if found else ""

        return kind_of(value, leaf_kind)

    def declared(self, column: exp.Column) -> str:
        """The declared type of a bound column that is a table's, in capitals; else nothing."""
        source = self.sources.get(column.table)
        plain = source is not None and not (source.is_cte or source.renamed)
        table = self.schema.table(source.table) if source is not None and plain else None
        found = table.column(column.name) if table is not None else None
        return found.type.upper() if found is not None else ""

    def shown(self, node: exp.Expr) -> str:
        """A bound expression as the query wrote it, cut for messages."""
        return self.unbound(node)[:80]

    def unbound(self, node: exp.Expr) -> str:
        """A bound expression as the query wrote it: with its own range variables."""
        copy = node.copy()
        for column in copy.find_all(exp.Column):
            source = self.sources.get(column.table)
            if source is None:
                continue
            name, qualifier = column.meta.get(WRITTEN, (column.name, source.alias))
            column.set("table", exp.Identifier(this=qualifier, quoted=False) if qualifier else None)
            if not isinstance(column.this, exp.Star):
                column.set("this", exp.Identifier(this=name, quoted=column.this.args.get("quoted")))
        return str(copy.sql(self.habits.dialect, comments=False))


def _refuse_foreign_aggregates(node: exp.Select, bound: BoundSelect) -> None:
    """In SQL an aggregate function whose columns are all those of an outer query belongs to that query."""
    own = {source.id for source in bound.sources}
    clauses = [node.args.get(name) for name in ("where", "having", "order")]
    for part in (*node.expressions, *(c for c in clauses if c is not None)):
        for function in outermost(part, exp.AggFunc):
            columns = list(function.find_all(exp.Column))
            if columns and not any(c.table in own for c in columns):
                raise UnsupportedSql("an aggregate function of an outer query inside a subquery")
