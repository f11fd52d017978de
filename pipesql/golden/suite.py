"""The databases that judge one database's questions: itself, a disturbed copy, and both in reverse row order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

from pipesql.execution.database import Database, dialect_of
from pipesql.execution.opening import can_be_copied, database_digest, disturbed_copy, open_database, reversed_copy
from pipesql.execution.schema import read_schema
from pipesql.execution.value_seeding import Literal, literals, sought

TIMEOUT_S = 10.0
"""Deadline of each statement: gold that takes longer counts as gold that does not execute."""


class Witnesses:
    """Opened when first asked for, kept until `close`. Raises BadInput when the database cannot be read.

    `golds` are the gold queries of the questions that will be judged: what they compare with fills empty tables.
    """

    def __init__(self, database: Path | str, golds: Iterable[str], seed: int = 0, timeout_s: float = TIMEOUT_S) -> None:
        self.database = database
        self.dialect = dialect_of(database)
        """What the golds are written in, and what their pipe forms are lowered to."""
        self.copied = can_be_copied(database)
        """Whether there are disturbed and reversed copies: of files yes, of servers no."""
        self._golds = tuple(golds)
        self._seed = seed
        self._timeout_s = timeout_s
        self._opened: list[Database] = []
        self.schema = read_schema(database)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the database (`execution.opening.database_digest`)."""
        return database_digest(self.database)

    @cached_property
    def real(self) -> Database:
        """The database itself."""
        return self._keep(open_database(self.database, self._timeout_s))

    @cached_property
    def real_reversed(self) -> Database:
        """The database's rows in reverse order."""
        return self._keep(reversed_copy(self.database, self._timeout_s))

    @cached_property
    def disturbed(self) -> Database:
        """A disturbed copy."""
        return self._keep(self._disturbed(reverse=False))

    @cached_property
    def disturbed_reversed(self) -> Database:
        """The disturbed copy's rows in reverse order."""
        return self._keep(self._disturbed(reverse=True))

    def _disturbed(self, reverse: bool) -> Database:
        return disturbed_copy(self.database, self._seed, self._literals, self._sought, reverse, self._timeout_s)

    @cached_property
    def _literals(self) -> Sequence[Literal]:
        return literals(self._golds, self.dialect)

    @cached_property
    def _sought(self) -> Sequence[dict[str, Literal]]:
        return sought(self._golds, self.dialect)

    def _keep(self, database: Database) -> Database:
        self._opened.append(database)
        return database

    def close(self) -> None:
        """Close what was opened."""
        for database in self._opened:
            database.close()

    def __enter__(self) -> Witnesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
