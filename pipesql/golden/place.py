"""At which operator does a pipe query go wrong? Every prefix of it is a query, so each can be looked at.

What a `Place` says and what it does not:

- A query that cannot be read or lowered, or fails in the database: `operator` ends the shortest prefix that fails as
  well. All shorter ones hold, so the fault is that operator's.
- Other rows: prefixes are compared with their partners in the gold (`golden.stages`). `operator` ends the shortest
  prefix that is shown to differ from its partner, `agrees` the longest before it that is shown to agree; the fault
  lies in the operators behind `agrees`, up to `operator`. Where prefixes have no partners, all that can be said is
  that the whole query differs: `operator` is the last one.
- Wrong order of the right rows: the last ORDER BY, or the last operator where there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot.errors import SqlglotError

from pipesql.errors import ExecutionError, SqlError, TooManyRows
from pipesql.execution.compare import Row, same_rows
from pipesql.execution.database import Result
from pipesql.golden.stages import Stage, stages
from pipesql.pipe import operators as op
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.schema import Schema

Run = Callable[[str], Result]


@dataclass(frozen=True)
class Place:
    """Numbers of operators, from 1: the first after which it shows, the last before it where all was well (0: none)."""

    operator: int
    agrees: int


class Finder:
    """Looks at the prefixes of one pipe query, given as the texts of its operators."""

    def __init__(self, operators: Sequence[str], schema: Schema, dialect: str = "sqlite") -> None:
        self._operators = operators
        self._schema = schema
        self._dialect = dialect

    def unreadable(self) -> Place:
        """The first operator that cannot be read or lowered."""
        for number in range(1, len(self._operators)):
            try:
                self._lowered(number)
            except SqlError:
                return Place(number, number - 1)
        return self._end(len(self._operators) - 1)

    def failing(self, run: Run) -> Place:
        """The first operator with which the database refuses the query, or takes too long."""
        for number in range(1, len(self._operators)):
            try:
                run(self._lowered(number))
            except TooManyRows:  # rows enough to see that it runs
                continue
            except (SqlError, ExecutionError):
                return Place(number, number - 1)
        return self._end(len(self._operators) - 1)

    def disordered(self) -> Place:
        """The operator that is to blame for the order of rows."""
        sorts = [i for i, o in enumerate(parse("\n".join(self._operators)).operators, 1) if isinstance(o, op.OrderBy)]
        number = sorts[-1] if sorts else len(self._operators)
        return Place(number, number - 1)

    def differing(self, gold_sql: str, run: Run) -> Place:
        """The first operator after which the rows are shown to differ from the gold's at the same point."""
        try:
            gold = sqlglot.parse_one(gold_sql, read=self._dialect)
        except SqlglotError:
            return self._end(0)
        agrees = 0
        for stage in stages(gold, parse("\n".join(self._operators)).operators, self._dialect):
            well = self._same(stage, run)
            if well is False:
                return Place(stage.number, agrees)
            agrees = stage.number if well else agrees
        return self._end(agrees)

    def _same(self, stage: Stage, run: Run) -> bool | None:
        """Does a prefix agree with its partner? None where that cannot be told."""
        try:
            gold, other = run(stage.sql), run(self._lowered(stage.number))
        except (SqlError, ExecutionError):
            return None
        if len(gold.rows) != len(other.rows):
            return False
        if stage.same and len(gold.columns) == len(other.columns):
            return same_rows(gold.rows, other.rows)
        have = _columns(other)
        return True if all(have[column] >= n for column, n in _columns(gold).items()) else None

    def _lowered(self, number: int) -> str:
        return lower(parse("\n".join(self._operators[:number])), self._schema, self._dialect)

    def _end(self, agrees: int) -> Place:
        return Place(len(self._operators), agrees)


def _columns(result: Result) -> Counter[frozenset[tuple[Row, int]]]:
    """The columns, each as the multiset of its values."""
    return Counter(frozenset(Counter((row[i],) for row in result.rows).items()) for i in range(len(result.columns)))
