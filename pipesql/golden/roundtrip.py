"""One question round-tripped: gold SQL to pipe text, the text read back, lowered, executed, compared with the gold.

The text is what is validated: the query that the decompiler returned is printed and then forgotten. It is compared
with the gold on two databases: the real one, and a perturbed copy (`execution.perturb`). If it agrees on both, it gives
a `GoldenPair`, else a `Rejection` whose reason is one of:

`gold_error:CATEGORY` the gold itself does not execute on the real database; CATEGORY as in `golden.reasons`
`refused:CONSTRUCT`   the decompiler or the printer cannot express the construct
`reread:STEP`         the printed text cannot be read back (`parse`) or lowered (`lower`): a defect of the language
`impure`              a standard-SQL block is left in the text: a defect of the language
`prefix`              a prefix of the query does not parse or resolve: a defect of the language
`error:CATEGORY`      the lowered query fails where the gold does not
`timeout`             the lowered query runs past the deadline where the gold does not
`mismatch:KIND`       the results differ; KIND as in `execution.compare` (`undecidable`: the rows come otherwise, and
                      whether the gold's order allows that cannot be seen, but the gold did not contradict itself)
`undecidable`         they differ, but the gold has more than one right answer: it answers otherwise itself where the
                      same rows lie in reverse order
`unproved:CATEGORY`   the gold does not execute on the perturbed copy, so one proof is missing; `empty`: there is no
                      such copy (a server's database), and the gold finds nothing

`reread`, `prefix`, `error`, `timeout`, `mismatch` and `undecidable` name the operator at which it shows
(`golden.first_divergence`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlglot
from sqlglot.errors import SqlglotError

from pipesql.benchmarks.hardness import hardness
from pipesql.decompile import decompile
from pipesql.errors import ExecutionError, QueryTimeout, SqlError, SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.execution.compare import compare, row_difference
from pipesql.execution.connection import Connection, Result
from pipesql.execution.suite import Suite
from pipesql.golden.constructs import constructs
from pipesql.golden.first_divergence import Finder, Place
from pipesql.golden.reasons import category
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import text_of
from pipesql.pipe.read import read
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import is_pure
from pipesql.records import GoldenPair, Question, Rejection

_NOWHERE = Place(0, 0)


@dataclass(frozen=True)
class _TestDatabase:
    """A database to compare on: the real one, or the perturbed copy of this number."""

    suite: Suite
    copy: int | None = None

    @property
    def name(self) -> str:
        return "real" if self.copy is None else "perturbed"

    @property
    def connection(self) -> Connection:
        return self.suite.real if self.copy is None else self.suite.copies[self.copy]

    def backwards(self) -> Connection | None:
        """The same rows in reverse order; None where no copy can be made."""
        if not self.suite.database.can_be_copied:
            return None
        return self.suite.real_reversed if self.copy is None else self.suite.reversed_copies[self.copy]


class _Rejected(Exception):
    """Ends a round trip with a reason and a sentence, and the place where it shows."""

    def __init__(self, reason: str, detail: str, shown_on: str = "", place: Place = _NOWHERE) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.shown_on = shown_on
        self.place = place


@dataclass
class _Trip:
    """The results of a round trip so far."""

    gold_sql: str
    suite: Suite
    operators: tuple[str, ...] = ()
    lowered: str = ""
    results: list[Result] = field(default_factory=list)

    @property
    def dialect(self) -> str:
        return self.suite.dialect

    @property
    def schema(self) -> Schema:
        return self.suite.schema


def round_trip(question: Question, suite: Suite) -> GoldenPair | Rejection:
    """The golden pair of a question, or why there is none. Raises BadInput when the database cannot be read.

    `suite` is its database with one perturbed copy, or none of a server's database.
    """
    trip = _Trip(question.gold_sql, suite)
    try:
        _prove(trip)
    except _Rejected as rejected:
        return _rejection(question, trip, rejected)
    real, *copies = trip.results
    return GoldenPair(
        id=question.id,
        db_id=question.db_id,
        database=question.database,
        question=question.question,
        gold_sql=question.gold_sql,
        benchmark=question.benchmark,
        split=question.split,
        operators=trip.operators,
        lowered_sql=trip.lowered,
        rows=len(real.rows),
        rows_digest=rows_digest(real.rows),
        database_digest=suite.digest,
        evidence=question.evidence,
        hardness=question.hardness or hardness(question.gold_sql, trip.dialect),
        perturbed_rows=sum(len(copy.rows) for copy in copies),
        perturbed_digest="".join(rows_digest(copy.rows) for copy in copies),
        proofs=len(trip.results),
        constructs=_constructs(trip),
    )


def _rejection(question: Question, trip: _Trip, rejected: _Rejected) -> Rejection:
    return Rejection(
        id=question.id,
        db_id=question.db_id,
        question=question.question,
        gold_sql=question.gold_sql,
        benchmark=question.benchmark,
        split=question.split,
        reason=rejected.reason,
        detail=rejected.detail,
        pipe_sql=text_of(trip.operators),
        lowered_sql=trip.lowered,
        shown_on=rejected.shown_on,
        operator=rejected.place.operator,
        agrees=rejected.place.agrees,
        hardness=question.hardness or hardness(question.gold_sql, trip.dialect),
        constructs=_constructs(trip),
    )


def _prove(trip: _Trip) -> None:
    """Make the trip and write its results into `trip`. Raises _Rejected where it fails."""
    suite, real = trip.suite, _TestDatabase(trip.suite)
    gold = _run_gold(trip, real, "gold_error")
    trip.operators = _to_text(trip)
    trip.lowered = _to_sql(trip)
    _check_prefixes(trip)
    _compare(trip, gold, real)
    if not suite.copies and not gold.rows:
        detail = "the gold returns no rows, and this database cannot be copied and perturbed to test further"
        raise _Rejected("unproved:empty", detail, "real")
    for number in range(len(suite.copies)):
        perturbed = _TestDatabase(suite, number)
        _compare(trip, _run_gold(trip, perturbed, "unproved"), perturbed)


def _constructs(trip: _Trip) -> tuple[str, ...]:
    try:
        return constructs(sqlglot.parse_one(trip.gold_sql, read=trip.dialect))
    except SqlglotError:
        return ()


def rows_digest(rows: Iterable[tuple[object, ...]]) -> str:
    """SHA-256 of the rows, sorted, so that it does not depend on their order."""
    return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()


def _run_gold(trip: _Trip, database: _TestDatabase, reason: str) -> Result:
    try:
        return database.connection.run(trip.gold_sql)
    except ExecutionError as e:
        raise _Rejected(f"{reason}:{category(e)}", str(e), database.name) from e


def _to_text(trip: _Trip) -> tuple[str, ...]:
    try:
        return tuple(print_operators(decompile(trip.gold_sql, trip.schema, trip.dialect)))
    except SqlError as e:
        raise _Rejected(f"refused:{_construct(e)}", str(e)) from e


def _construct(error: SqlError) -> str:
    if isinstance(error, UnsupportedSql):
        return error.construct
    if isinstance(error, UnknownName):
        return "unknown name"
    return "syntax" if isinstance(error, SqlSyntaxError) else type(error).__name__


def _to_sql(trip: _Trip) -> str:
    step = "parse"
    try:
        query = parse_operators(trip.operators)
        step = "lower"
        if not is_pure(query):
            raise _Rejected("impure", "the pipe text holds a standard SELECT")
        return lower(query, trip.schema, trip.dialect)
    except SqlError as e:
        place = Finder(trip.operators, trip.schema, trip.dialect).unreadable()
        raise _Rejected(f"reread:{step}", str(e), place=place) from e


def _check_prefixes(trip: _Trip) -> None:
    """Training shows a model every prefix, so each must be a query by itself. Raises _Rejected where one is not."""
    operators = trip.operators
    for length in range(1, len(operators) + 1):
        try:
            read(operators[:length], trip.schema)
        except SqlError as e:
            detail = f"the first {length} of {len(operators)} operators are not a query: {e}"
            raise _Rejected("prefix", detail, place=Place(length, length - 1)) from e


def _compare(trip: _Trip, gold: Result, database: _TestDatabase) -> None:
    """Compare the lowered query with the gold's result on one database. Raises _Rejected when they differ."""
    run = database.connection.run
    where = f"on the {database.name} database"
    finder = Finder(trip.operators, trip.schema, trip.dialect)
    try:
        result = run(trip.lowered)
    except QueryTimeout as e:
        raise _Rejected("timeout", f"{where}: {e}", database.name, finder.failing(run)) from e
    except ExecutionError as e:
        raise _Rejected(f"error:{category(e)}", f"{where}: {e}", database.name, finder.failing(run)) from e
    trip.results.append(gold)
    found = compare(trip.gold_sql, gold, result, run, trip.dialect)
    if found is None:
        return
    counts = f"{len(gold.rows)} rows of the gold, {len(result.rows)} of the pipe query"
    place = finder.disordered() if found == "order" else finder.differing(trip.gold_sql, run)
    if not _has_one_answer(trip, gold, database):
        detail = f"{where} the gold has more than one right answer ({counts})"
        raise _Rejected("undecidable", detail, database.name, place)
    kind = row_difference(gold.rows, result.rows) if found == "rows" else found
    raise _Rejected(f"mismatch:{kind}", f"{where} {_DIFFERENCES[kind]} ({counts})", database.name, place)


_DIFFERENCES = {
    "columns": "the number of columns differs",
    "types": "the values are the same, in other types",
    "multiplicity": "the rows are the same, but not as often",
    "extra": "the pipe query returns rows that the gold does not",
    "missing": "rows of the gold are missing",
    "values": "the rows differ",
    "order": "the rows are the same, in another order",
    "undecidable": "the rows come in another order than the gold's, which cannot be checked",
}


def _has_one_answer(trip: _Trip, gold: Result, database: _TestDatabase) -> bool:
    """Whether the gold returns the same on the same rows in reverse order. A gold that fails there counts as one."""
    backwards = database.backwards()
    if backwards is None:
        return True
    try:
        other = backwards.run(trip.gold_sql)
        return compare(trip.gold_sql, gold, other, database.connection.run, trip.dialect) is None
    except ExecutionError:
        return True
