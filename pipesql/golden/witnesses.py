"""The databases that judge one file's questions: itself, a disturbed copy, and both in reverse row order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.execution.perturb import perturbed, reversed_rows
from pipesql.execution.schema import read_schema
from pipesql.execution.sqlite import SqliteDatabase
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
        return self._keep(perturbed(self.path, self._seed, self._literals, timeout_s=self._timeout_s))

    @cached_property
    def disturbed_reversed(self) -> SqliteDatabase:
        """The disturbed copy's rows in reverse order."""
        return self._keep(perturbed(self.path, self._seed, self._literals, True, self._timeout_s))

    @cached_property
    def _literals(self) -> Sequence[str | int | float]:
        return literals(self._golds)

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


def literals(golds: Iterable[str]) -> list[str | int | float]:
    """The texts and numbers in the queries, each once, in the order met; LIKE patterns without their wildcards.

    Names in double quotes count too: SQLite takes them for text where no column has that name. Queries that sqlglot
    cannot read give nothing; their own round trip says why.
    """
    found: dict[tuple[str, str], str | int | float] = {}
    for gold in golds:
        try:
            tree = sqlglot.parse_one(gold, read="sqlite")
        except SqlglotError:
            continue
        for node in tree.find_all(exp.Literal, exp.Identifier):
            if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
                continue
            value = _value(node)
            found.setdefault((type(value).__name__, str(value)), value)
    return list(found.values())


def _value(node: exp.Expression) -> str | int | float:
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.this) if node.is_int else float(node.this)
    return str(node.this).strip("%")
