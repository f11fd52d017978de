"""What speaks against an operator that a model finished: its names, its execution, that it says nothing, or that it
leaves no row.

The check of names is that of validation. Execution asks the database for one row of the query so far, read-only and
with a deadline. A prefix that runs past it is not held against the operator, since later ones may make it cheap; a
whole query is, whose rows are counted, up to as many as an answer may have. That an operator leaves no row where there
were some before is a weak objection: it is right in one of twelve queries of Spider; so is that it selects the same
twice. What compares something with itself, as a model does that finds no key to join on, is refused.

Do the operators written so far hold? The same parser and name resolution as in validation and execution.

Operators that can stand and say nothing: what no question asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from sqlglot import exp

from pipesql.decoding.backtracking import Objection
from pipesql.errors import ExecutionError, QueryTimeout, SqlError
from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.read import read
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import expressions, own_parts

Evidence = Literal["names", "runs", "rows", "words"]
"""How much is asked of an operator: that its names resolve, that it runs, that it says something and leaves a row. With
`words` whole queries are held against the words of the question, too, which no judge of operators knows
(`inference.constrained`)."""
OPERATOR_LIMITS = QueryLimits(timeout_s=2.0)


class OperatorJudge:
    """Judges operators on one database; remembers what it asked. Close it in the end."""

    def __init__(
        self,
        database: Database,
        evidence: Evidence = "rows",
        limits: QueryLimits = OPERATOR_LIMITS,
    ) -> None:
        """`limits` hold for each query; a whole query of more rows is refused. Raises BadInput for a database that
        cannot be opened."""
        self._schema, self._dialect, self._most_rows = database.schema, database.dialect, limits.max_rows
        self._asks_rows = evidence in ("rows", "words")
        one_row = QueryLimits(limits.timeout_s, max_rows=1)
        self._connection = database.open(one_row) if evidence != "names" else None
        self._known: dict[tuple[str, ...], Objection | bool] = {}
        self._whole: dict[tuple[str, ...], Objection | None] = {}

    def judge(self, operators: Sequence[str], whole: bool) -> Objection | None:
        """The objection to the last of these operators, or None; `whole`: the query ends with it."""
        found = self._found(tuple(operators))
        if isinstance(found, Objection):
            return found if whole or not found.late else None
        if whole and (objection := self._ended(tuple(operators))):
            return objection
        if not self._asks_rows or found or len(operators) == 1:
            return None
        if self._found(tuple(operators[:-1])) is True:
            return Objection("no row is left behind it", weak=True)
        return None

    def close(self) -> None:
        """Let the database go."""
        if self._connection is not None:
            self._connection.close()

    def _found(self, operators: tuple[str, ...]) -> Objection | bool:
        """An objection, or whether there is a row."""
        if operators not in self._known:
            self._known[operators] = self._ask(operators)
        return self._known[operators]

    def _ended(self, operators: tuple[str, ...]) -> Objection | None:
        """An objection to the whole query, of which a first row is known."""
        if operators not in self._whole:
            self._whole[operators] = self._count(operators)
        return self._whole[operators]

    def _count(self, operators: Sequence[str]) -> Objection | None:
        if self._connection is None:
            return None
        counted = parse_operators([*operators, f"|> LIMIT {self._most_rows + 1}", "|> AGGREGATE COUNT(*) AS count"])
        try:
            ((count,),) = self._connection.run(lower(counted, self._schema, self._dialect)).rows
        except QueryTimeout:
            return Objection("it runs past its deadline", late=True)
        except (SqlError, ExecutionError) as error:
            return Objection(str(error))
        return Objection(f"it has more than {self._most_rows:,} rows") if count > self._most_rows else None

    def _ask(self, operators: Sequence[str]) -> Objection | bool:
        if error := check_operators(self._schema, operators):
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
        if self._asks_rows and (said := compared_with_itself(one.operators[-2])):
            return Objection(f"{said} is compared with itself")
        if self._asks_rows and (said := selected_twice(one.operators[-2])):
            return Objection(f"{said} is selected twice", weak=True)
        return bool(rows)


def check_operators(schema: Schema, operators: Sequence[str]) -> str | None:
    """The sentence of the first error in these operators on this schema, or None when they parse and resolve."""
    try:
        read(operators, schema)
    except SqlError as error:
        return str(error)
    return None


_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def compared_with_itself(operator: op.Operator) -> str | None:
    """What the operator compares with itself, or None. In 9,680 golden pairs of Spider there are six such slips."""
    for expression in expressions(operator, own_parts):
        for comparison in expression.find_all(*_COMPARISONS):
            if comparison.this == comparison.expression:
                return str(comparison.this.sql("bigquery"))
    return None


def selected_twice(operator: op.Operator) -> str | None:
    """What the operator selects more than once, or None. In 9,680 golden pairs of Spider twelve do."""
    if not isinstance(operator, op.Select):
        return None
    (said, count), *_ = Counter(item.sql("bigquery") for item in operator.items).most_common(1)
    return said if count > 1 else None
