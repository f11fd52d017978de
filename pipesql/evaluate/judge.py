"""Predictions to verdicts: read the text, lower it, execute it read-only with limits, compare its rows with the gold's.

`score` judges by the strict rule of `execution.compare` alone: rows as a multiset, in order where the gold orders, same
number of columns (`judging.judge` by all rules). Where an answer fails, `cause` names the first stage that refused it:

| cause | the answer |
|---|---|
| missing | is not there: no prediction was handed in for the question |
| length | had not ended when a limit of decoding was reached |
| syntax | is no pipe SQL |
| name | names a table or column that does not exist, or is ambiguous |
| unsupported | uses a construct that cannot be lowered |
| timeout | ran past the deadline |
| execution | was refused by the database, or returned too many rows |
| rows | ran, and returned other rows than the gold |

An answer judged by every rule, with what a page shows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from pipesql.errors import ExecutionError, QueryTimeout, SqlError, SqlSyntaxError, UnknownName
from pipesql.evaluate.divergence import parting
from pipesql.evaluate.rules.bird import same_set, soft_f1
from pipesql.evaluate.rules.spider import order_matters, same_denotation
from pipesql.execution.compare import compare
from pipesql.execution.connection import DEFAULT_LIMITS, Connection, QueryLimits, Result
from pipesql.execution.database import Database
from pipesql.execution.suite import Suite
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.read import read
from pipesql.pipe.schema import Schema
from pipesql.records import Prediction, Verdict

CAUSES = ("missing", "length", "syntax", "name", "unsupported", "timeout", "execution", "rows")
"""Every cause, in the order of the stages that an answer passes."""


def score(
    predictions: Sequence[Prediction],
    *,
    limits: QueryLimits = DEFAULT_LIMITS,
    on_verdict: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Judge every prediction by the strict rule; verdicts in the same order, each also given to `on_verdict`.

    `limits` hold for each query, the gold's included. Raises BadInput for a database that
    cannot be opened and ExecutionError, naming the question, where the gold itself does not run.
    """
    verdicts = []
    with ExitStack() as stack:
        suites: dict[str, Suite] = {}
        for prediction in predictions:
            path = prediction.database
            if path not in suites:
                suites[path] = stack.enter_context(Suite(Database(path, limits)))
            verdicts.append(verdict_of(prediction, execute(prediction, suites[path])))
            if on_verdict is not None:
                on_verdict(verdicts[-1])
    return verdicts


@dataclass(frozen=True)
class Outcome:
    """How far an answer came: its SQL, the `cause` and `detail` of its failure, and what it and the gold returned.

    `kind` says of other rows how they differ, in the words of `execution.compare`; `answer` is None where it did not
    run.
    """

    lowered_sql: str = ""
    cause: str = ""
    detail: str = ""
    kind: str = ""
    gold: Result | None = None
    answer: Result | None = None


def execute(prediction: Prediction, suite: Suite) -> Outcome:
    """Run one prediction and its gold. Raises ExecutionError where the gold does not run."""
    try:
        gold = suite.real.run(prediction.gold_sql)
    except ExecutionError as error:
        raise ExecutionError(
            f"the gold of question {prediction.id} does not run on {prediction.database}: {error}"
        ) from error
    outcome = replace(_lowered(prediction, suite.schema, suite.dialect), gold=gold)
    if outcome.cause:
        return outcome
    try:
        answer = suite.real.run(outcome.lowered_sql)
    except QueryTimeout as error:
        return replace(outcome, cause="timeout", detail=str(error))
    except ExecutionError as error:
        return replace(outcome, cause="execution", detail=str(error))
    kind = compare(prediction.gold_sql, gold, answer, suite.real.run, suite.dialect) or ""
    return replace(outcome, cause="rows" if kind else "", detail=kind, kind=kind, answer=answer)


def verdict_of(prediction: Prediction, outcome: Outcome) -> Verdict:
    """The verdict by the strict rule."""
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
        extra={
            "stop": prediction.stop,
            "tokens": prediction.tokens,
            "operators": len(prediction.operators),
            "score": prediction.score,
            "share": prediction.share,
            "switches": prediction.switches,
            "unsaid": len(prediction.unsaid),
        },
        gold_operators=prediction.gold_operators,
    )


def _lowered(prediction: Prediction, schema: Schema, dialect: str) -> Outcome:
    """The answer as SQL for the database, or the stage that refused it."""
    if prediction.stop in ("length", "missing"):
        return Outcome(cause=prediction.stop, detail=prediction.detail)
    try:
        query = read(prediction.operators, schema).query
        return Outcome(lowered_sql=lower(query, schema, dialect))
    except SqlSyntaxError as error:
        return Outcome(cause="syntax", detail=str(error))
    except UnknownName as error:
        return Outcome(cause="name", detail=str(error))
    except SqlError as error:
        return Outcome(cause="unsupported", detail=str(error))


SHOWN_ROWS = 20


@dataclass(frozen=True)
class Table:
    """The first rows of a result, at most `SHOWN_ROWS`, and how many there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int


@dataclass(frozen=True)
class Judged:
    """A verdict and the rows that it speaks of; `answer` is None where the answer did not run."""

    verdict: Verdict
    gold: Table
    answer: Table | None = None


def judge(prediction: Prediction, suite: Suite) -> Judged:
    """The verdict by all rules. Raises ExecutionError, naming the question, where the gold does not run."""
    outcome = execute(prediction, suite)
    gold, answer = outcome.gold, outcome.answer
    if gold is None:
        raise ValueError("an outcome holds the gold's result")
    verdict = verdict_of(prediction, outcome)
    if answer is None:
        verdict = replace(verdict, spider=False, bird=False, soft_f1=0.0)
    else:
        verdict = replace(
            verdict,
            spider=_passes_suite(prediction.gold_sql, outcome, answer, suite),
            bird=same_set(gold.rows, answer.rows),
            soft_f1=soft_f1(gold.rows, answer.rows),
        )
    if outcome.cause and prediction.operators and prediction.gold_operators:
        place = parting(prediction.operators, prediction.gold_operators, outcome.kind, suite)
        verdict = replace(verdict, parts_at=place.number, parts_in=place.operator)
    return Judged(verdict, _table(gold), _table(answer) if answer else None)


def _passes_suite(gold_sql: str, outcome: Outcome, answer: Result, suite: Suite) -> bool:
    """Spider's rule on the database, then on each perturbed copy of it."""
    ordered = order_matters(gold_sql)
    if outcome.gold is None or not same_denotation(outcome.gold.rows, answer.rows, ordered):
        return False
    return all(_passes(gold_sql, outcome.lowered_sql, ordered, place, suite) for place in range(len(suite.copies)))


def _passes(gold_sql: str, lowered_sql: str, ordered: bool, place: int, suite: Suite) -> bool:
    """The rule on one copy, as far as the gold has one answer there.

    Copies hold ties where the database has none. Where the gold itself comes in another order when the rows of the copy
    lie the other way round, order does not count there; where even its rows are others (a LIMIT through ties), or where
    it fails, the copy says nothing.
    """
    copy = suite.copies[place]
    try:
        gold = copy.run(gold_sql)
    except ExecutionError:
        return True
    for in_order in (True, False) if ordered else (False,):
        if _same(gold, lowered_sql, in_order, copy):
            return True
        if _same(gold, gold_sql, in_order, suite.reversed_copies[place]):
            return False
    return True


def _same(gold: Result, sql: str, ordered: bool, database: Connection) -> bool:
    """Does the query return the gold's rows there? One that fails does not."""
    try:
        return same_denotation(gold.rows, database.run(sql).rows, ordered)
    except ExecutionError:
        return False


def _table(result: Result) -> Table:
    return Table(result.columns, tuple(result.rows[:SHOWN_ROWS]), len(result.rows))
