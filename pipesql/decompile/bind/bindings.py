"""What binding finds out about a query: its SELECTs, their sources and output columns, the kinds of its expressions.

A bound column is `Column(this=<the schema's spelling>, table=<source id>)`, where the id is unique in the whole query:
so bound expressions compare by structure, and survive being moved.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp

from pipesql.decompile.semantics import Semantics
from pipesql.pipe.scan import standard_text
from pipesql.pipe.schema import Schema
from pipesql.pipe.types import kind_of

_SELECT = "pipesql.select"
WRITTEN = "pipesql.written"
"""Where a bound column keeps the name and the qualifier that the query gave it."""


class Output(NamedTuple):
    """One output column of a query: its name in SQL (empty if it has none) and the kind of its values."""

    name: str
    kind: str


Shown = tuple[Output, exp.Expr]
"""A column of a query's result, with the bound expression that gives it."""


@dataclass
class Source:
    """One entry of a FROM. `alias` is what the query calls it; `node` the Table or Subquery."""

    id: str
    alias: str
    node: exp.Expr
    columns: tuple[Output, ...]
    table: str = ""
    """The schema's (or the CTE's) name, empty for a derived table."""
    is_cte: bool = False
    hidden: set[str] = field(default_factory=set)
    """Lower-case names that USING or NATURAL merged into an earlier source."""
    renamed: bool = False
    """Its alias has a column list."""
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of a join in brackets: by alias of a table inside, both in lower case, what its columns are called here."""
    _indexed: tuple[Output, ...] = ()
    _index: dict[str, Output] = field(default_factory=dict)

    def find(self, name: str) -> Output | None:
        """The column of that name in any case; of several the first, as in SQLite."""
        if self._indexed is not self.columns:
            self._indexed = self.columns
            self._index = {c.name.lower(): c for c in reversed(self.columns)}
        return self._index.get(name.lower())

    def find_in(self, member: str, name: str) -> Output | None:
        """The column of a table inside a join in brackets."""
        held = self.members.get(member.lower(), {}).get(name.lower())
        return self.find(held) if held is not None else None


@dataclass
class BoundSelect:
    """What binding found out about one SELECT."""

    sources: list[Source]
    outputs: list[Shown]
    """Expanded: stars are one entry a column."""
    conditions: list[exp.Expr | None] = field(default_factory=list)
    """For each join the bound condition, USING and NATURAL spelt out."""
    star: list[Shown] | None = None
    """What `*` shows where that is not all columns of all sources under their own names."""
    coalesced: dict[str, exp.Expr] = field(default_factory=dict)
    """By lower-case name the columns that RIGHT or FULL JOIN merged: either side's value."""


@dataclass(frozen=True)
class Around:
    """What a query can see from where it stands: the SELECTs around it, outermost first, and the CTEs by name."""

    outer: tuple[BoundSelect, ...] = ()
    ctes: dict[str, tuple[Output, ...]] = field(default_factory=dict)

    def inside(self, select: BoundSelect) -> Around:
        """The surroundings of a query that stands in this SELECT."""
        return Around((*self.outer, select), self.ctes)

    def with_cte(self, name: str, columns: tuple[Output, ...]) -> Around:
        """The same with one more CTE in sight."""
        return Around(self.outer, {**self.ctes, name.lower(): columns})


def bound_column(source: Source, name: str) -> exp.Column:
    """The bound column of a source, in the schema's spelling."""
    found = source.find(name)
    shown = found.name if found else name
    return exp.Column(this=exp.Identifier(this=shown, quoted=False), table=exp.Identifier(this=source.id, quoted=False))


def is_star(item: exp.Expr) -> bool:
    """Whether an item of a SELECT is `*` or `t.*`."""
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def arms(node: exp.Expr) -> list[exp.Expr]:
    """The SELECTs that a query combines, left to right."""
    if isinstance(node, exp.SetOperation):
        return [*arms(node.this), *arms(node.expression)]
    return arms(node.this) if isinstance(node, exp.Subquery) else [node]


class Bindings:
    """What binding finds out about a whole query, its nested ones included; the later rooms ask it about bound nodes.

    `keep_names` asks for the query's own names; `note_written` has columns remember how the query wrote them.
    """

    def __init__(
        self, schema: Schema, semantics: Semantics, keep_names: bool = False, note_written: bool = False
    ) -> None:
        self.schema = schema
        self.semantics = semantics
        self.keep_names = keep_names
        self.note_written = keep_names or note_written
        self.selects: list[BoundSelect] = []
        self.sources: dict[str, Source] = {}
        self.spelling: dict[str, str] = {}
        """By lower-case name the CTEs' names as their definitions spell them."""
        self._numbers = itertools.count(1)

    def new_select(self, node: exp.Select) -> BoundSelect:
        """Note a SELECT whose binding begins."""
        node.meta[_SELECT] = len(self.selects)  # survives copying, which id() does not
        self.selects.append(BoundSelect([], []))
        return self.selects[-1]

    def new_source_id(self) -> str:
        """An id for a source: one inside a derived table is known before that table is."""
        return f"§{next(self._numbers)}"

    def bound(self, node: exp.Expr) -> BoundSelect:
        """What binding found out about this SELECT."""
        number: int = node.meta[_SELECT]
        return self.selects[number]

    def expand(self, node: exp.Select, bound: BoundSelect) -> list[Shown]:
        """Every output column with its bound expression."""
        out: list[Shown] = []
        for item in node.expressions:
            if is_star(item):
                out.extend(self.star(item, bound))
                continue
            value = item.unalias()
            name = item.alias or (value.name if isinstance(value, exp.Column) else "")
            # SQLite names an output without an alias by its text
            out.append((Output(name or standard_text(value, "sqlite"), self.kind(value)), value))
        return out

    def star(self, item: exp.Expr, bound: BoundSelect) -> list[Shown]:
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
                return self.bound(node.this).outputs[0][0].kind if _SELECT in node.this.meta else ""
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
        return str(copy.sql(self.semantics.dialect, comments=False))

    def rowid(self, source: Source) -> str:
        """The name of the INTEGER PRIMARY KEY of a source that is a table, or nothing."""
        table = self.schema.table(source.table)
        if table is None or source.is_cte:
            return ""
        keys = [c for c in table.columns if c.primary_key]
        return keys[0].name if len(keys) == 1 and keys[0].type.upper() == "INTEGER" else ""
