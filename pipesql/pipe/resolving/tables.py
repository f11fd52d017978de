"""The tables that a query itself defines (WITH, RECURSIVE UNION), and what they are called once lowered.

GoogleSQL lets a CTE take the name of the table or the CTE that it reads. In the lowered query all of them stand in one
WITH, where some engines would take such a name for the CTE itself: so that one of the two gets another name there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.scope import ScopeColumn

if TYPE_CHECKING:
    from pipesql.pipe.resolving.resolved import Resolved


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
            name, number = table.name, 2
            while name.lower() in taken:
                name, number = f"{table.name}_{number}", number + 1
            table.lowered = name


def require_readable(node: exp.Expr) -> None:
    """Raise UnsupportedSql for a table expression that is neither a table nor a query: it is refused by name."""
    match node:
        case exp.Unnest():
            raise UnsupportedSql("UNNEST in FROM", "arrays are no tables in every engine")
        case exp.Lateral():
            raise UnsupportedSql("LATERAL", "a joined query cannot name columns of the tables beside it")
        case exp.Table(this=exp.Func() as function):
            raise UnsupportedSql("a table function in FROM", function.sql("bigquery")[:60])
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        raise UnsupportedSql(
            "names of columns behind a table's alias", f"{alias.name}({', '.join(c.name for c in alias.columns)})"
        )
    for clause in ("pivots", "sample", "when", "version", "only", "ordinality"):
        if node.args.get(clause):
            raise UnsupportedSql(f"{clause.rstrip('s').upper()} behind a table", "write it as a pipe operator")
