"""Predictions to verdicts: read the text, lower it, execute it read-only with limits, compare its rows with the gold's.

Equality is the strict rule of `execution.compare`: rows as a multiset, in order where the gold orders, same number of
columns. Where an answer fails, `cause` names the first stage that refused it:

| cause | the answer |
|---|---|
| length | had not ended when a limit of decoding was reached |
| syntax | is no pipe SQL |
| name | names a table or column that does not exist, or is ambiguous |
| unsupported | uses a construct that cannot be lowered |
| timeout | ran past the deadline |
| execution | was refused by the database, or returned too many rows |
| rows | ran, and returned other rows than the gold |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from pipesql.errors import ExecutionError, QueryTimeout, SqlError, SqlSyntaxError, UnknownName
from pipesql.execution.compare import compare
from pipesql.execution.database import Database
from pipesql.execution.opening import open_database
from pipesql.execution.schema import read_schema
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.purity import require_pure
from pipesql.pipe.resolve import resolve
from pipesql.pipe.schema import Schema
from pipesql.records import Prediction, Verdict

CAUSES = ("length", "syntax", "name", "unsupported", "timeout", "execution", "rows")
"""Every cause, in the order of the stages that an answer passes."""


def score(
    predictions: Sequence[Prediction],
    *,
    timeout_s: float = 5.0,
    max_rows: int = 100_000,
    on_verdict: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Judge every prediction on its database; verdicts in the same order, each also given to `on_verdict`.

    `timeout_s` and `max_rows` hold for each execution, the gold's included. Raises BadInput for a database that
    cannot be opened and ExecutionError, naming the question, where the gold itself does not run.
    """
    verdicts = []
    with ExitStack() as stack:
        opened: dict[str, Database] = {}
        for prediction in predictions:
            path = prediction.database
            if path not in opened:
                opened[path] = stack.enter_context(open_database(path, timeout_s, max_rows))
            verdicts.append(judge(prediction, opened[path], read_schema(path)))
            if on_verdict is not None:
                on_verdict(verdicts[-1])
    return verdicts


def judge(prediction: Prediction, database: Database, schema: Schema) -> Verdict:
    """The verdict on one prediction. Raises ExecutionError where the gold does not run."""
    try:
        gold = database.run(prediction.gold_sql)
    except ExecutionError as error:
        raise ExecutionError(
            f"the gold of question {prediction.id} does not run on {prediction.database}: {error}"
        ) from error
    outcome = _lowered(prediction, schema, database.dialect)
    if not outcome.cause:
        try:
            answer = database.run(outcome.lowered_sql)
        except QueryTimeout as error:
            outcome = replace(outcome, cause="timeout", detail=str(error))
        except ExecutionError as error:
            outcome = replace(outcome, cause="execution", detail=str(error))
        else:
            difference = compare(prediction.gold_sql, gold, answer, database.run, database.dialect)
            outcome = replace(outcome, cause="rows" if difference else "", detail=difference or "")
    return Verdict(
        id=prediction.id,
        db_id=prediction.db_id,
        question=prediction.question,
        gold_sql=prediction.gold_sql,
        pipe_sql=prediction.pipe_sql,
        lowered_sql=outcome.lowered_sql,
        valid=outcome.cause in ("", "rows"),
        correct=not outcome.cause,
        cause=outcome.cause,
        detail=outcome.detail,
        hardness=prediction.hardness,
        extra={"stop": prediction.stop, "tokens": prediction.tokens, "operators": len(prediction.operators)},
    )


@dataclass(frozen=True)
class _Outcome:
    lowered_sql: str = ""
    cause: str = ""
    detail: str = ""


def _lowered(prediction: Prediction, schema: Schema, dialect: str) -> _Outcome:
    """The answer as SQL for the database, or the stage that refused it."""
    if prediction.stop == "length":
        return _Outcome(cause="length", detail=prediction.detail)
    try:
        query = parse(prediction.pipe_sql)
        require_pure(query)
        resolve(query, schema)
        return _Outcome(lowered_sql=lower(query, schema, dialect))
    except SqlSyntaxError as error:
        return _Outcome(cause="syntax", detail=str(error))
    except UnknownName as error:
        return _Outcome(cause="name", detail=str(error))
    except SqlError as error:
        return _Outcome(cause="unsupported", detail=str(error))
