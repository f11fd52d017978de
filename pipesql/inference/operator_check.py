"""Checks an operator while a query is being written: do its names resolve, does it run, does it leave a row?

`CheckLevel` sets how strictly. An operator is refused at level

- `names` where the query so far does not parse or resolve, as in validation;
- `runs` also where the database refuses to run it;
- `rows` also where it compares something with itself, as a model does that finds no key to join on. It is a weak
  objection that it leaves no row where there were some, or selects the same thing twice;
- `mentions` as at `rows`; whole answers are then compared with the names that the question mentions (`constrained`).

Execution asks the database for one row of the query so far, read-only and with a deadline. A prefix that runs past it
is not refused, since later operators may make it cheap; a whole query is. A whole query's rows are counted, too, up to
the number that an answer may have. To leave no row is right for one in twelve queries of Spider, so the objection to
it is weak.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlglot import exp

from pipesql.decoding.types import Objection
from pipesql.errors import ExecutionError, QueryTimeout, SqlError
from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.inference.config import CheckLevel
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.read import error_in
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.walk import expressions, own_parts

OPERATOR_LIMITS = QueryLimits(timeout_s=2.0)


class OperatorCheck:
    """Checks operators on one database and remembers the outcome. Close it in the end."""

    def __init__(
        self,
        database: Database,
        level: CheckLevel = "rows",
        limits: QueryLimits = OPERATOR_LIMITS,
    ) -> None:
        """`limits` hold for each query; a whole query that returns more rows is refused. Raises BadInput for a database
        that cannot be opened."""
        self._schema, self._dialect, self._max_rows = database.schema, database.dialect, limits.max_rows
        self._wants_rows = level in ("rows", "mentions")
        one_row = QueryLimits(limits.timeout_s, max_rows=1)
        self._connection = database.open(one_row) if level != "names" else None
        self._prefixes: dict[tuple[str, ...], Objection | bool] = {}
        self._whole: dict[tuple[str, ...], Objection | None] = {}

    def check(self, operators: Sequence[str], whole: bool) -> Objection | None:
        """The objection to the last of these operators, or None; `whole`: the query ends with it."""
        found = self._prefix(tuple(operators))
        if isinstance(found, Objection):
            return found if whole or not found.late else None
        if whole and (objection := self._count_once(tuple(operators))):
            return objection
        if not self._wants_rows or found or len(operators) == 1:
            return None
        if self._prefix(tuple(operators[:-1])) is True:
            return Objection("it leaves no row", weak=True)
        return None

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()

    def _prefix(self, operators: tuple[str, ...]) -> Objection | bool:
        """An objection, or whether there is a row."""
        if operators not in self._prefixes:
            self._prefixes[operators] = self._run(operators)
        return self._prefixes[operators]

    def _count_once(self, operators: tuple[str, ...]) -> Objection | None:
        """An objection to a whole query, whose first row is known."""
        if operators not in self._whole:
            self._whole[operators] = self._count(operators)
        return self._whole[operators]

    def _count(self, operators: Sequence[str]) -> Objection | None:
        if self._connection is None:
            return None
        counted = parse_operators([*operators, f"|> LIMIT {self._max_rows + 1}", "|> AGGREGATE COUNT(*) AS count"])
        try:
            ((count,),) = self._connection.run(lower(counted, self._schema, self._dialect)).rows
        except QueryTimeout:
            return Objection("it runs past its deadline", late=True)
        except (SqlError, ExecutionError) as error:
            return Objection(str(error))
        return Objection(f"it returns more than {self._max_rows:,} rows") if count > self._max_rows else None

    def _run(self, operators: Sequence[str]) -> Objection | bool:
        if error := error_in(operators, self._schema):
            return Objection(error)
        if self._connection is None:
            return True
        try:
            one = parse_operators([*operators, "|> LIMIT 1"])
            rows = self._connection.run(lower(one, self._schema, self._dialect)).rows
        except QueryTimeout:
            return Objection("it runs past its deadline", late=True)
        except (SqlError, ExecutionError) as error:
            return Objection(str(error))
        if self._wants_rows and (text := compared_with_itself(one.operators[-2])):
            return Objection(f"{text} is compared with itself")
        if self._wants_rows and (text := selected_twice(one.operators[-2])):
            return Objection(f"{text} is selected twice", weak=True)
        return bool(rows)


_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def compared_with_itself(operator: op.Operator) -> str | None:
    """The expression that the operator compares with itself, or None. 9,680 golden pairs of Spider hold six such
    slips."""
    for expression in expressions(operator, own_parts):
        for comparison in expression.find_all(*_COMPARISONS):
            if comparison.this == comparison.expression:
                return str(comparison.this.sql("bigquery"))
    return None


def selected_twice(operator: op.Operator) -> str | None:
    """The item that the operator selects more than once, or None. Twelve of 9,680 golden pairs of Spider do."""
    if not isinstance(operator, op.Select):
        return None
    (item, count), *_ = Counter(item.sql("bigquery") for item in operator.items).most_common(1)
    return item if count > 1 else None
