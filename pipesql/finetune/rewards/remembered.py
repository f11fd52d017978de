"""A database that remembers what it was asked: the gold for good, answers for as long as their group is judged."""

from __future__ import annotations

from collections import OrderedDict

from pipesql.errors import ExecutionError
from pipesql.execution.database import Database, Result

LATEST = 64
"""So many of the latest answers are remembered, refusals and timeouts among them."""


class RememberedDatabase(Database):
    """A database whose statements run once. Its rows must not change meanwhile: it is for files that are only read."""

    def __init__(self, database: Database) -> None:
        self.dialect = database.dialect
        self._database = database
        self._kept: dict[str, Result] = {}
        self._latest: OrderedDict[str, Result | ExecutionError] = OrderedDict()

    def keep(self, sql: str) -> Result:
        """Run a statement and remember its result for good. Raises what `run` raises."""
        if sql not in self._kept:
            self._kept[sql] = self._database.run(sql)
        return self._kept[sql]

    def run(self, sql: str) -> Result:
        """As `Database.run`; a statement that was refused is refused again, in the same words."""
        if sql in self._kept:
            return self._kept[sql]
        if sql not in self._latest:
            try:
                self._latest[sql] = self._database.run(sql)
            except ExecutionError as error:
                self._latest[sql] = error
            if len(self._latest) > LATEST:
                self._latest.popitem(last=False)
        found = self._latest[sql]
        if isinstance(found, ExecutionError):
            raise found
        return found

    def close(self) -> None:
        """Close the database behind it."""
        self._database.close()
