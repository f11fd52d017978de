"""What binding finds out about a query: its sources, its output columns, its joins' conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp


class Output(NamedTuple):
    """One output column of a query: its name in SQL (empty if it has none) and the kind of its values."""

    name: str
    kind: str


Shown = tuple[Output, exp.Expr]
"""A column of a query's result with the bound expression that gives it."""


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


def outermost(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The expressions of a kind that no other of it encloses; subqueries are not entered."""
    if isinstance(node, kind):
        yield node
    elif not isinstance(node, exp.Query | exp.Subquery):
        for child in node.iter_expressions():
            yield from outermost(child, kind)
