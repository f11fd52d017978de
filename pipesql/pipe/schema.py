"""What a query may name: tables, their columns with declared types, primary and foreign keys.

Identifiers compare without regard to case, as in SQLite and GoogleSQL's column names, but keep the spelling
of the database: the canonical pipe text copies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from pipesql.pipe.types import REAL, declared_kind

REST = "\ufffe"
"""The column of an inferred table that stands for those that the query does not name; no query can write it."""


@dataclass(frozen=True)
class Column:
    """One column. `type` is the type as declared in the database (may be empty in SQLite)."""

    name: str
    type: str = ""
    primary_key: bool = False
    fractional: bool = False
    """Of a DECIMAL or NUMERIC column in SQLite: no value is stored as an integer, so that it divides as a real."""

    @property
    def kind(self) -> str:
        """Kind of its values (`pipe.types`)."""
        return REAL if self.fractional else declared_kind(self.type)


@dataclass(frozen=True)
class ForeignKey:
    """`column` of the table that holds this key refers to `ref_column` of `ref_table`."""

    column: str
    ref_table: str
    ref_column: str


@dataclass(frozen=True)
class Table:
    """One table or view, columns in declaration order."""

    name: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {c.name.lower(): c for c in self.columns}

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each column's values."""
        return tuple(c.kind for c in self.columns)

    def column(self, name: str) -> Column | None:
        """The column of that name in any case, or None."""
        return self._by_name.get(name.lower())


@dataclass(frozen=True)
class Schema:
    """All tables of one database, in declaration order."""

    tables: tuple[Table, ...]
    name: str = field(default="", compare=False)
    partial: bool = False
    """Tables may have more columns than are listed: it was read off a query (`pipe.inferred`)."""

    @cached_property
    def _by_name(self) -> dict[str, Table]:
        return {t.name.lower(): t for t in self.tables}

    def table(self, name: str) -> Table | None:
        """The table of that name in any case, or None."""
        return self._by_name.get(name.lower())

    def without_keys(self) -> Schema:
        """The same tables and columns, none of them a key."""
        tables = (
            replace(t, columns=tuple(replace(c, primary_key=False) for c in t.columns), foreign_keys=())
            for t in self.tables
        )
        return replace(self, tables=tuple(tables))

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)
