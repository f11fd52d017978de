"""The test suite of one database: the databases on which queries are compared with their golds.

These are the database itself and perturbed copies of it (`perturb`), with what the golds look for seeded into them. A
copy on which a gold has more than one right answer proves nothing; whether it has shows on the same rows in reverse
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from pipesql.execution.connection import Connection, QueryLimits, RememberingConnection
from pipesql.execution.database import Database
from pipesql.execution.value_seeding import SeedValues, seed_values
from pipesql.pipe.schema import Schema

COPIES = 3
"""Perturbed copies of each database."""
PREFIX_LIMITS = QueryLimits(timeout_s=1.0, max_rows=10_000)
"""For prefixes of queries, whose results only show where a query goes wrong."""


class Suite:
    """The databases are opened when first used, and closed when the block ends. Each remembers its results and errors.

    `golds` are the gold queries whose values are seeded into the `copies`, of the random seeds `seed`, `seed + 1`, …
    The database's limits hold for every query, the golds' included. A server's database has no copies.
    Raises BadInput for a database that cannot be opened.
    """

    def __init__(self, database: Database, golds: Sequence[str] = (), *, copies: int = COPIES, seed: int = 0) -> None:
        self.database = database
        self._golds = golds
        self._seeds = range(seed, seed + copies) if database.can_be_copied else range(0)
        self._stack = ExitStack()

    @property
    def dialect(self) -> str:
        """The dialect of the golds, to which pipe queries are lowered."""
        return self.database.dialect

    @cached_property
    def schema(self) -> Schema:
        """The schema of all its databases."""
        return self.database.schema

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the database (`Database.digest`)."""
        return self.database.digest

    @cached_property
    def real(self) -> Connection:
        """The database itself."""
        return self._keep(self.database.open())

    @cached_property
    def real_reversed(self) -> Connection:
        """A copy of the database with its rows in reverse order; a server's database has none."""
        return self._keep(self.database.reversed_copy())

    @cached_property
    def copies(self) -> list[Connection]:
        """The perturbed copies."""
        return [self._copy(seed) for seed in self._seeds]

    @cached_property
    def reversed_copies(self) -> list[Connection]:
        """The perturbed copies with each table's rows in reverse order."""
        return [self._copy(seed, reverse=True) for seed in self._seeds]

    @cached_property
    def prefixes(self) -> Connection:
        """The database itself under `PREFIX_LIMITS` or tighter ones, for prefixes of queries."""
        limits = self.database.limits
        tight = QueryLimits(
            min(limits.timeout_s, PREFIX_LIMITS.timeout_s), min(limits.max_rows, PREFIX_LIMITS.max_rows)
        )
        return self._keep(self.database.open(tight))

    def _copy(self, seed: int, *, reverse: bool = False) -> Connection:
        return self._keep(self.database.perturbed_copy(seed, self._values, reverse=reverse))

    @cached_property
    def _values(self) -> SeedValues:
        return seed_values(self._golds, self.dialect)

    def _keep(self, connection: Connection) -> Connection:
        return RememberingConnection(self._stack.enter_context(connection))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
