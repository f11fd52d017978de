"""What speaks against an operator that a model finished: its names, its execution, or that it leaves no row.

The check of names is that of validation. Execution asks the database for one row of the query so far, read-only and
with a deadline. A prefix that runs past it is not held against the operator, since later ones may make it cheap; a
whole query is. That an operator leaves no row where there were some before is a weak objection: it is right in one of
twelve queries of Spider. So are the doubts of `likely`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pipesql.engine import dialect_of
from pipesql.errors import ExecutionError, QueryTimeout, SqlError
from pipesql.execution.opening import open_database
from pipesql.generate.check import check_operators
from pipesql.generate.guided import Objection
from pipesql.generate.likely import odd_join, untold
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_query
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema

Evidence = Literal["names", "runs", "rows", "likely"]
"""How much is asked of an operator: that its names resolve, that it runs, that it leaves a row, that it is likely."""
NO_ROW = 2.0
ODD_JOIN = 4.0
UNTOLD = 4.0
"""What weak objections cost, in nats."""
TIMEOUT_S = 2.0


class OperatorJudge:
    """Judges operators on one database; remembers what it asked. Close it in the end."""

    def __init__(
        self, database: str, schema: Schema, evidence: Evidence = "rows", timeout_s: float = TIMEOUT_S
    ) -> None:
        """`timeout_s` is the deadline of each execution, in seconds. Raises BadInput for a database that cannot be
        opened."""
        self._schema, self._evidence, self._dialect = schema, evidence, dialect_of(database)
        self._database = open_database(database, timeout_s, max_rows=1) if evidence != "names" else None
        self._known: dict[tuple[str, ...], Objection | bool] = {}
        self._found_values: dict[str, bool] = {}

    def judge(self, operators: Sequence[str], whole: bool, told: str = "") -> Objection | None:
        """The objection to the last of these operators, or None; `whole`: the query ends with it. `told` is the
        question, with all that was said besides."""
        found = self._found(tuple(operators))
        if isinstance(found, Objection):
            return found if whole or not found.late else None
        doubts = list(self._doubts(tuple(operators), found, told))
        if not doubts:
            return None
        return Objection("; ".join(reason for reason, _ in doubts), sum(cost for _, cost in doubts))

    def _doubts(self, operators: tuple[str, ...], left: bool, told: str) -> Iterator[tuple[str, float]]:
        """(what is unlikely about an operator that holds, its cost); `left`: it leaves a row."""
        if self._evidence not in ("rows", "likely") or len(operators) == 1:
            return
        if not left and self._found(operators[:-1]) is True:
            yield "no row is left behind it", NO_ROW
        if self._evidence != "likely":
            return
        query = parse("\n".join(operators))
        if odd := odd_join(self._schema, query):
            yield odd, ODD_JOIN
        for text, finding in untold(self._schema, query, told):
            if not self._finds(finding):
                yield f"{text!r} is neither in the question nor in the database", UNTOLD

    def close(self) -> None:
        """Let the database go."""
        if self._database is not None:
            self._database.close()

    def _found(self, operators: tuple[str, ...]) -> Objection | bool:
        """An objection, or whether there is a row."""
        if operators not in self._known:
            self._known[operators] = self._ask(operators)
        return self._known[operators]

    def _ask(self, operators: Sequence[str]) -> Objection | bool:
        if error := check_operators(self._schema, operators):
            return Objection(error)
        if self._database is None:
            return True
        try:
            return self._has_rows(parse("\n".join([*operators, "|> LIMIT 1"])))
        except QueryTimeout:
            return Objection("it runs past its deadline", late=True)
        except (SqlError, ExecutionError) as error:
            return Objection(str(error))

    def _finds(self, query: PipeQuery) -> bool:
        """Whether a query finds anything; a database that does not say so in time is believed to have it."""
        text = print_query(query)
        if text not in self._found_values:
            try:
                self._found_values[text] = self._has_rows(query)
            except (SqlError, ExecutionError):
                self._found_values[text] = True
        return self._found_values[text]

    def _has_rows(self, query: PipeQuery) -> bool:
        """Whether a query finds anything. Raises ExecutionError, SqlError."""
        assert self._database is not None
        return bool(self._database.run(lower(query, self._schema, self._dialect)).rows)
