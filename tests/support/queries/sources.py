"""FROM clauses of random queries: tables, CTEs and derived tables, joined in every way that SQLite gets right."""

from __future__ import annotations

import itertools
import random
from abc import ABC, abstractmethod

from tests.support.queries.scopes import Scope, Source
from tests.support.queries.tables import INT, SPECS, TEXT
from tests.support.queries.values import Values

TABLES = {spec.name: spec for spec in SPECS}
Columns = list[tuple[str, str]]


class SourceMaker(ABC):
    """Draws what a SELECT reads. A `QueryMaker` adds the queries; until then there are no derived tables."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ctes: dict[str, Columns] = {}
        self.hidden = ""
        """The table that no query may read now: a CTE of its name is being made."""
        self.numbers = itertools.count(1)
        self.values = Values(self.chance, self)
        self.names = self.values.names

    @abstractmethod
    def derived(self, depth: int) -> tuple[str, Columns]:
        """A query with named columns, for a CTE or FROM."""

    @abstractmethod
    def body(self, depth: int, outer: Scope | None, kinds: list[str]) -> str:
        """The query of a subquery."""

    def fresh(self, letter: str) -> str:
        """A name that nothing else has."""
        return f"{letter}{next(self.numbers)}"

    def from_(self, depth: int) -> tuple[list[Source], str]:
        """Range variables and the FROM clause."""
        chance = self.chance
        first, text = self.source(depth, [])
        sources = [first]
        for _ in range(chance.choice([0, 0, 1, 1, 2])):
            other, written = self.source(depth, sources)
            names = [n for s in sources for n, _ in s.columns if n not in s.merged]
            common = sorted({n for n in names if names.count(n) == 1} & {n for n, _ in other.columns})
            several = {n for n in names if names.count(n) > 1} & {n for n, _ in other.columns}
            # no RIGHT or FULL JOIN: SQLite (3.40 at least) loses a WHERE behind one where it flattens a compound query
            kind = chance.choice(["JOIN", "JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", ",", "CROSS JOIN"])
            if kind in (",", "CROSS JOIN"):
                text += f"{kind} {written}" if kind == "," else f" {kind} {written}"
            elif common and not several and chance.random() < 0.3:
                if chance.random() < 0.3 and len(sources) == 1:
                    text += f" NATURAL {kind} {written}"
                    other.merged |= set(common)
                else:
                    using = common[: chance.choice([1, 1, 2])]
                    text += f" {kind} {written} USING ({', '.join(map(self.names.spelt, using))})"
                    other.merged |= set(using)
            else:
                sort = chance.choice([INT, INT, TEXT])
                left, right = self.names.own(sort, Scope(sources)), self.names.own(sort, Scope([other]))
                more = ["", "", f" AND {right} <> {self.names.own(sort, Scope(sources))}"]
                if depth > 0:
                    self.names.qualifies = True  # a later table may have the same column
                    more.append(f" AND {self.values.condition(0, Scope([*sources, other]))}")
                    self.names.qualifies = False
                text += f" {kind} {written} ON {left} = {right}{chance.choice(more)}"
            sources.append(other)
        return sources, text

    def source(self, depth: int, before: list[Source]) -> tuple[Source, str]:
        """A table, a CTE or a derived table."""
        chance = self.chance
        if depth > 0 and chance.random() < 0.15:
            body, columns = self.derived(depth - 1)
            name = self.fresh("d")
            return Source(name, columns), f"({body}) AS {name}"
        names = [*TABLES, "singer", "concert", *self.ctes, *self.ctes]
        name = chance.choice([n for n in names if n != self.hidden])
        return self.table(name, "T", {s.name.lower() for s in before})

    def table(self, name: str, letter: str, taken: set[str] | None = None) -> tuple[Source, str]:
        """A table or CTE by its name, under an alias or not; always with one if `taken` is None."""
        cte = self.ctes.get(name)
        columns = cte if cte is not None else list(TABLES[name].columns)
        unique = "" if cte is not None else TABLES[name].unique
        if taken is None or name.lower() in taken or self.chance.random() < 0.4:
            alias = self.fresh(letter)
            between = self.chance.choice([" AS ", " "])
            return Source(
                alias, columns, unique=unique, stored=cte is None
            ), f"{self.names.spelt(name)}{between}{alias}"
        return Source(name, columns, unique=unique, stored=cte is None), self.names.spelt(name)
