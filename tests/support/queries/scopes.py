"""What a place in a random query can name, and how names are written there."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.support.queries.tables import DATE, INT, REAL, TEXT

LITERALS = {
    INT: ["1", "2", "25", "31", "2014", "-1", "900", "0"],
    REAL: ["3.0", "1.25", "-0.75"],
    TEXT: ["'Ann'", "'Opera'", "'France'", "'D''Or'", "''", "'7'"],
    DATE: ["'2014-05-01'", "'2015-01-01'", "'2015'"],
}
_KEYWORDS = frozenset({"order", "group", "select"})


@dataclass
class Source:
    """A range variable and its columns (name, kind). `merged` are those that USING or NATURAL took away."""

    name: str
    columns: list[tuple[str, str]]
    merged: set[str] = field(default_factory=set)
    unique: str = ""
    stored: bool = False
    """It is a table of the database, no query."""


@dataclass
class Scope:
    """The sources of a SELECT, and of those around it."""

    sources: list[Source]
    outer: Scope | None = None

    def owned(self, kind: str) -> list[tuple[Source, str]]:
        """This SELECT's columns of a kind."""
        return [(s, n) for s in self.sources for n, k in s.columns if k == kind and n not in s.merged]

    def around(self, kind: str) -> list[tuple[Source, str]]:
        """Columns of the SELECTs around this one that are still in sight."""
        hidden = {s.name.lower() for s in self.sources}
        found = []
        scope = self.outer
        while scope is not None:
            found += [(s, n) for s, n in scope.owned(kind) if s.name.lower() not in hidden]
            hidden |= {s.name.lower() for s in scope.sources}
            scope = scope.outer
        return found

    def count(self, name: str) -> int:
        """How many columns of this SELECT have the name, in any case."""
        lower = name.lower()
        return sum(n.lower() == lower and n not in s.merged for s in self.sources for n, _ in s.columns)


class Names:
    """Writes names: as they are, in other case, or in one of SQLite's quotes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.qualifies = False
        """Every column is written with its range variable."""

    def spelt(self, name: str) -> str:
        """The name as some author might write it."""
        draw = self.chance.random()
        plain = name.isascii() and name.isidentifier() and name.lower() not in _KEYWORDS
        if plain and draw < 0.8:
            return name
        if name.isascii() and draw > 0.9:
            name = self.chance.choice([name.upper(), name.lower(), name.title()])
            if plain:
                return name
        opening, closing = self.chance.choice(['""', '""', "``", "[]"])
        return f"{opening}{name}{closing}"

    def column(self, kind: str, scope: Scope) -> str:
        """A column of that kind (or a constant), qualified where it must be and sometimes elsewhere."""
        found = scope.owned(kind)
        outer = scope.around(kind) if scope.outer is not None and self.chance.random() < 0.15 else []
        if outer:
            return self._dotted(*self.chance.choice(outer))
        if not found:
            return self.chance.choice(LITERALS[kind])
        source, name = self.chance.choice(found)
        if self.qualifies or scope.count(name) > 1 or self.chance.random() < 0.4:
            return self._dotted(source, name)
        return self.spelt(name)

    def stored(self, kind: str, scope: Scope) -> str:
        """A column of a table of the database, qualified; nothing if there is none."""
        found = [(s, n) for s, n in scope.owned(kind) if s.stored]
        return self._dotted(*self.chance.choice(found)) if found else ""

    def own(self, kind: str, scope: Scope) -> str:
        """A column of this SELECT itself (or a constant), always qualified."""
        found = scope.owned(kind)
        return self._dotted(*self.chance.choice(found)) if found else self.chance.choice(LITERALS[kind])

    def _dotted(self, source: Source, name: str) -> str:
        return f"{self.spelt(source.name)}.{self.spelt(name)}"


def is_constant(text: str) -> bool:
    """Whether a written value is one of the literals."""
    return any(text in literals for literals in LITERALS.values())
