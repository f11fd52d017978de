"""One database with all that judges answers on it: itself, its disturbed copies, and what the golds return.

The copies are this project's test suite (`execution.perturb`): rows dropped, doubled, moved and made NULL, and what the
golds look for planted. A copy on which the gold has more than one right answer judges nothing: so it is asked again on
the same copy with its rows reversed, once an answer seems to be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType

from pipesql.errors import ExecutionError
from pipesql.execution.database import Database, Result, dialect_of
from pipesql.execution.opening import can_be_copied, disturbed_copy, open_database
from pipesql.execution.schema import read_schema
from pipesql.execution.value_seeding import literals, sought
from pipesql.pipe.schema import Schema

TIMEOUT_S = 5.0
MAX_ROWS = 100_000
COPIES = 3
"""Disturbed copies of each database, of the seeds 0, 1, …"""
PREFIX_TIMEOUT_S = 1.0
PREFIX_ROWS = 10_000
_KEPT_ROWS = 1_000
"""A result of more rows is not kept but computed again: hundreds of them would not fit the memory."""


class Answers:
    """A database that remembers what it answered; errors too."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: dict[str, Result | ExecutionError] = {}

    def run(self, sql: str) -> Result:
        """The result of a query that is asked again and again. Raises ExecutionError, the same each time."""
        if sql not in self._known:
            try:
                found: Result | ExecutionError = self.database.run(sql)
            except ExecutionError as error:
                found = error
            if isinstance(found, Result) and len(found.rows) > _KEPT_ROWS:
                return found
            self._known[sql] = found
        known = self._known[sql]
        if isinstance(known, ExecutionError):
            raise known.with_traceback(None)
        return known


class Bench:
    """Opened when first asked for, kept until the block ends.

    `golds` are planted into the `copies`. `timeout_s` and `max_rows` hold for every execution, the golds' included.
    Raises BadInput for a database that cannot be opened.
    """

    def __init__(
        self,
        database: str,
        golds: Sequence[str] = (),
        *,
        copies: int = COPIES,
        timeout_s: float = TIMEOUT_S,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.path = database
        self.dialect = dialect_of(database)
        self._golds, self._limits = golds, (timeout_s, max_rows)
        self._seeds = range(copies if can_be_copied(database) else 0)
        self._stack = ExitStack()

    @cached_property
    def schema(self) -> Schema:
        """Its schema."""
        return read_schema(self.path)

    @cached_property
    def real(self) -> Answers:
        """The database itself."""
        return self._keep(open_database(self.path, *self._limits))

    @cached_property
    def copies(self) -> list[Answers]:
        """The disturbed copies; none of a server's database."""
        return [self._copy(seed) for seed in self._seeds]

    @cached_property
    def reversed_copies(self) -> list[Answers]:
        """The same, with each table's rows in reverse order."""
        return [self._copy(seed, reverse=True) for seed in self._seeds]

    @cached_property
    def prefixes(self) -> Answers:
        """The database itself under tight limits, to look at prefixes of queries."""
        timeout_s, max_rows = self._limits
        limits = min(timeout_s, PREFIX_TIMEOUT_S), min(max_rows, PREFIX_ROWS)
        return self._keep(open_database(self.path, *limits))

    def _copy(self, seed: int, reverse: bool = False) -> Answers:
        values, wanted = self._planted
        return self._keep(disturbed_copy(self.path, seed, values, wanted, reverse, self._limits[0]))

    @cached_property
    def _planted(self) -> tuple[list[str | int | float], list[dict[str, str | int | float]]]:
        return literals(self._golds, self.dialect), sought(self._golds, self.dialect)

    def _keep(self, database: Database) -> Answers:
        self._stack.enter_context(database)
        return Answers(database)

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
