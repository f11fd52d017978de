"""What name resolution finds out about a query: what each name means, and the tables that the query defines.

GoogleSQL lets a CTE take the name of the table or the CTE that it reads. In the lowered query all of them stand in one
WITH, where some engines would take such a name for the CTE itself: so one of the two gets another name there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.pipe.identifiers import unique
from pipesql.pipe.query import Operator, PipeQuery
from pipesql.pipe.resolving.block import BlockMeaning
from pipesql.pipe.resolving.set_operations import Arm
from pipesql.pipe.scope import Scope, ScopeColumn
from pipesql.pipe.types import kind_of


@dataclass
class Resolved:
    """A query with the meaning of its names. Keys of the maps are `id()`s of nodes held by `query`."""

    query: PipeQuery
    operators: list[Operator] = field(default_factory=list)
    """What the query's operators are made of: `shorthand` takes some apart."""
    numbers: list[int] = field(default_factory=list)
    """For each of `operators` the number, from 1, of the one that was written."""
    scopes: list[Scope] = field(default_factory=list)
    """The scope after each of `operators`."""
    written: list[Scope] = field(default_factory=list)
    """The scope after each operator as written."""
    columns: dict[int, ScopeColumn] = field(default_factory=dict)
    bound: list[exp.Column] = field(default_factory=list)
    """Nodes made to name a column, kept so that their `id()`s stay theirs."""
    stars: dict[int, tuple[ScopeColumn, ...]] = field(default_factory=dict)
    nested: dict[int, Resolved] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    ctes: dict[int, CteTable] = field(default_factory=dict)
    """By the `id()` of a `Cte` or a RecursiveUnion the table that it defines."""
    using: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By the `id()` of a JOIN the columns that it matches by name."""
    arms: dict[int, list[Arm]] = field(default_factory=dict)
    """By the `id()` of a set operation the columns that each of its inputs gives."""
    blocks: dict[int, BlockMeaning] = field(default_factory=dict)
    uses: list[set[ScopeColumn]] = field(default_factory=list)
    """For each of `operators` the columns that it names, those that nested queries take from here included."""
    lent: list[set[ScopeColumn]] = field(default_factory=list)
    """For each of `operators` the columns that queries nested in its expressions take from here."""
    outer: set[ScopeColumn] = field(default_factory=set)
    """Columns of enclosing queries that this one names."""

    @property
    def last(self) -> Scope:
        """What the query gives."""
        return self.scopes[-1]

    def kind(self, node: exp.Expr) -> str:
        """Kind of a resolved expression's values (`pipe.types`)."""
        return kind_of(node, lambda c: self.columns[id(c)].kind if id(c) in self.columns else "")


@dataclass(eq=False)
class CteTable:
    """A table that the query defines. `lowered` is its name in the lowered query; `body` is None while it is read."""

    name: str
    columns: tuple[ScopeColumn, ...] = ()
    body: Resolved | None = None
    lowered: str = ""

    def read(self) -> tuple[ScopeColumn, ...]:
        """Its columns as a new reader sees them."""
        new: dict[ScopeColumn, ScopeColumn] = {}
        out = []
        for c in self.columns:
            out.append(ScopeColumn(c.name, c.kind, c.origin, new.get(c.root)))
            new.setdefault(c.root, out[-1])
        return tuple(out)


@dataclass(frozen=True)
class Source:
    """What a table expression of FROM or JOIN gives; `cte` is set if it reads one."""

    columns: tuple[ScopeColumn, ...]
    cte: CteTable | None = None


@dataclass
class Tables:
    """The tables of one whole query, nested ones included: which of the schema it reads, which it defines."""

    read: set[str] = field(default_factory=set)
    defined: list[tuple[CteTable, tuple[CteTable, ...]]] = field(default_factory=list)
    """Each with those that are in sight where it is defined."""
    bound: dict[int, CteTable] = field(default_factory=dict)
    """By the `id()` of a table expression the table that it means, whatever its name."""

    def define(self, name: str, in_sight: tuple[CteTable, ...]) -> CteTable:
        """A new table."""
        table = CteTable(name)
        self.defined.append((table, in_sight))
        return table

    def name_all(self) -> None:
        """Give every defined table a name that nothing else that it could be mistaken for has."""
        for table, in_sight in self.defined:
            taken = self.read | {other.lowered.lower() for other in in_sight}
            table.lowered = unique(table.name, taken)


def _parts(resolved: Resolved) -> Iterator[Resolved]:
    """The query and all that it is made of."""
    yield resolved
    for inner in (*resolved.nested.values(), *(t.body for t in resolved.ctes.values() if t.body is not None)):
        yield from _parts(inner)


def column_names(resolved: Resolved) -> set[str]:
    """The names, in lower case, of all columns anywhere in the query."""
    out: set[str] = set()
    for part in _parts(resolved):
        out |= {c.name.lower() for scope in part.scopes for c in scope.columns}
        out |= {c.name.lower() for source in part.sources.values() for c in source.columns}
    return out


def is_correlated(resolved: Resolved) -> bool:
    """Whether some nested query names columns of one around it."""
    return any(part.outer for part in _parts(resolved))
