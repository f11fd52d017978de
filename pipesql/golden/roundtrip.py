"""One question round-tripped: gold SQL to pipe text, the text read back, lowered, executed, compared with the gold.

What is validated is the text: the query that the decompiler returned is printed and then forgotten. Two databases
judge: the real one, and a disturbed copy on which luck of the data is broken (`execution.perturb`). A text that agrees
with the gold on both is a `GoldenPair`; everything else is a `Rejection` whose reason is one of:

`gold_error`          the gold itself does not execute (error, deadline or row limit) on the real database
`refused:CONSTRUCT`   the decompiler or the printer cannot express the construct
`reread:STAGE`        the printed text cannot be read back (`parse`) or lowered (`lower`): a defect of the language
`impure`              a standard-SQL block is left in the text: a defect of the language
`prefix`              a prefix of the query does not parse or resolve: a defect of the language
`execution`           the lowered query fails where the gold does not
`timeout`             the lowered query runs past the deadline where the gold does not
`mismatch:KIND`       the results differ; KIND as in `execution.compare` (`undecidable`: the rows come otherwise, and
                      whether the gold's order allows that cannot be seen, but the gold did not contradict itself)
`undecidable`         they differ, but the gold has more than one right answer: it answers otherwise itself where the
                      same rows lie in reverse order
`unproved`            the gold does not execute on the disturbed copy, so there is one proof too few
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from pipesql.decompile import decompile
from pipesql.errors import ExecutionError, QueryTimeout, SqlError, SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.execution.compare import compare
from pipesql.execution.sqlite import Result, SqliteDatabase
from pipesql.golden.witnesses import Witnesses
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_operators
from pipesql.pipe.purity import is_pure
from pipesql.pipe.resolve import resolve
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Question, Rejection


class _Rejected(Exception):
    """Ends a round trip with a reason and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def round_trip(question: Question, witnesses: Witnesses) -> GoldenPair | Rejection:
    """The golden pair of a question, or why there is none. Raises BadInput when the database cannot be read."""
    operators: tuple[str, ...] = ()
    try:
        gold = _run_gold(witnesses.real, question.gold_sql, "gold_error")
        operators = _to_text(question.gold_sql, witnesses.schema)
        lowered = _to_sql(operators, witnesses.schema)
        _check_prefixes(operators, witnesses.schema)
        _judge(question.gold_sql, gold, lowered, witnesses.real, lambda: witnesses.real_reversed, "the real database")
        copy = witnesses.disturbed
        copy_gold = _run_gold(copy, question.gold_sql, "unproved")
        _judge(question.gold_sql, copy_gold, lowered, copy, lambda: witnesses.disturbed_reversed, "a disturbed copy")
    except _Rejected as rejected:
        return Rejection(
            id=question.id,
            db_id=question.db_id,
            question=question.question,
            gold_sql=question.gold_sql,
            benchmark=question.benchmark,
            split=question.split,
            reason=rejected.reason,
            detail=rejected.detail,
            pipe_sql="\n".join(operators),
        )
    return GoldenPair(
        id=question.id,
        db_id=question.db_id,
        database=question.database,
        question=question.question,
        gold_sql=question.gold_sql,
        benchmark=question.benchmark,
        split=question.split,
        operators=operators,
        lowered_sql=lowered,
        rows=len(gold.rows),
        rows_digest=rows_digest(gold.rows),
        database_digest=witnesses.digest,
        evidence=question.evidence,
        hardness=question.hardness,
    )


def rows_digest(rows: Iterable[tuple[object, ...]]) -> str:
    """SHA-256 of the rows, sorted, so that it does not depend on their order."""
    return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()


def _run_gold(database: SqliteDatabase, sql: str, reason: str) -> Result:
    try:
        return database.run(sql)
    except ExecutionError as e:
        raise _Rejected(reason, str(e)) from e


def _to_text(gold_sql: str, schema: Schema) -> tuple[str, ...]:
    try:
        return tuple(print_operators(decompile(gold_sql, schema)))
    except SqlError as e:
        raise _Rejected(f"refused:{_construct(e)}", str(e)) from e


def _construct(error: SqlError) -> str:
    if isinstance(error, UnsupportedSql):
        return error.construct
    if isinstance(error, UnknownName):
        return "unknown name"
    return "syntax" if isinstance(error, SqlSyntaxError) else type(error).__name__


def _to_sql(operators: Sequence[str], schema: Schema) -> str:
    stage = "parse"
    try:
        query = parse("\n".join(operators))
        stage = "lower"
        if not is_pure(query):
            raise _Rejected("impure", "the text holds a standard SELECT")
        return lower(query, schema)
    except SqlError as e:
        raise _Rejected(f"reread:{stage}", str(e)) from e


def _check_prefixes(operators: Sequence[str], schema: Schema) -> None:
    """Training shows a model every prefix, so each must be a query by itself."""
    for length in range(1, len(operators) + 1):
        try:
            resolve(parse("\n".join(operators[:length])), schema)
        except SqlError as e:
            raise _Rejected("prefix", f"the first {length} of {len(operators)} operators are no query: {e}") from e


def _judge(
    gold_sql: str,
    gold: Result,
    lowered: str,
    database: SqliteDatabase,
    backwards: Callable[[], SqliteDatabase],
    where: str,
) -> None:
    """Compare the lowered query with the gold's result on one database. Raises _Rejected when they differ.

    `backwards` opens that database's rows in reverse order; few queries need it.
    """
    try:
        result = database.run(lowered)
    except QueryTimeout as e:
        raise _Rejected("timeout", f"on {where} {e}") from e
    except ExecutionError as e:
        raise _Rejected("execution", f"on {where} {e}") from e
    difference = compare(gold_sql, gold, result, database.run)
    if difference is None:
        return
    counts = f"{len(gold.rows)} rows of the gold, {len(result.rows)} of the pipe query"
    if not _has_one_answer(gold_sql, gold, database, backwards()):
        raise _Rejected("undecidable", f"on {where} the gold has more than one right answer ({counts})")
    what = (
        "rows come otherwise than the gold's, whose order cannot be checked"
        if difference == "undecidable"
        else difference
    )
    raise _Rejected(f"mismatch:{difference}", f"on {where} another result ({what}): {counts}")


def _has_one_answer(gold_sql: str, gold: Result, database: SqliteDatabase, backwards: SqliteDatabase) -> bool:
    """Does the gold answer alike where the same rows lie in reverse order? What fails there is not excused."""
    try:
        return compare(gold_sql, gold, backwards.run(gold_sql), database.run) is None
    except ExecutionError:
        return True
