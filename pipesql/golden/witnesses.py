"""The databases that judge one file's questions: itself, a disturbed copy, and both in reverse row order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

from pipesql.execution.perturb import perturbed, reversed_rows
from pipesql.execution.schema import read_schema
from pipesql.execution.sqlite import SqliteDatabase
from pipesql.golden.literals import Literal, literals, sought
from pipesql.records import file_digest

TIMEOUT_S = 10.0
"""Deadline of each statement: gold that takes longer counts as gold that does not execute."""


class Witnesses:
    """Opened when first asked for, kept until `close`. Raises BadInput when the file cannot be read.

    `golds` are the gold queries of the questions that will be judged: what they compare with fills empty tables.
    """

    def __init__(self, path: Path, golds: Iterable[str], seed: int = 0, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path
        self._golds = tuple(golds)
        self._seed = seed
        self._timeout_s = timeout_s
        self._opened: list[SqliteDatabase] = []
        self.schema = read_schema(path)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return file_digest(self.path)

    @cached_property
    def real(self) -> SqliteDatabase:
        """The file itself."""
        return self._keep(SqliteDatabase(self.path, self._timeout_s))

    @cached_property
    def real_reversed(self) -> SqliteDatabase:
        """The file's rows in reverse order."""
        return self._keep(reversed_rows(self.path, self._timeout_s))

    @cached_property
    def disturbed(self) -> SqliteDatabase:
        """A disturbed copy."""
        return self._keep(perturbed(self.path, self._seed, self._literals, self._sought, timeout_s=self._timeout_s))

    @cached_property
    def disturbed_reversed(self) -> SqliteDatabase:
        """The disturbed copy's rows in reverse order."""
        return self._keep(perturbed(self.path, self._seed, self._literals, self._sought, True, self._timeout_s))

    @cached_property
    def _literals(self) -> Sequence[Literal]:
        return literals(self._golds)

    @cached_property
    def _sought(self) -> Sequence[dict[str, Literal]]:
        return sought(self._golds)

    def _keep(self, database: SqliteDatabase) -> SqliteDatabase:
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
