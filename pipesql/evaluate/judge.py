"""An answer becomes a verdict: read its text, lower it, execute it read-only with limits, compare its rows with the
gold's.

`judge_all` judges by every rule (`rules`), `judge_strictly` by the strict rule of `execution.compare` alone. Where an
answer fails, `cause` names the first step that refused it:

| cause | the answer |
|---|---|
| missing | does not exist: no prediction was submitted for the question |
| length | had not ended when a limit of decoding was reached |
| syntax | is not pipe SQL |
| name | names a table or column that does not exist, or is ambiguous |
| unsupported | uses a construct that cannot be lowered |
| timeout | ran past the deadline |
| execution | was refused by the database, or returned too many rows |
| rows | ran, and returned other rows than the gold |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from pipesql.errors import ExecutionError, QueryTimeout, SqlError, SqlSyntaxError, UnknownName
from pipesql.evaluate.divergence import first_divergence
from pipesql.evaluate.rules.bird import same_set, soft_f1
from pipesql.evaluate.rules.spider import order_matters, same_denotation
from pipesql.execution.compare import compare
from pipesql.execution.connection import DEFAULT_LIMITS, Connection, QueryLimits, Result
from pipesql.execution.database import Database
from pipesql.execution.suite import COPIES, Suite
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.read import read
from pipesql.pipe.schema import Schema
from pipesql.processes import results
from pipesql.records import Prediction, Verdict

CAUSES = ("missing", "length", "syntax", "name", "unsupported", "timeout", "execution", "rows")
"""Every cause, in the order in which an answer meets them."""
SHOWN_ROWS = 20
FEW = 100
"""Up to this many predictions are judged in this process: starting others would take longer."""


@dataclass(frozen=True)
class Table:
    """The first rows of a result, up to `SHOWN_ROWS`, and how many there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int


@dataclass(frozen=True)
class Judged:
    """A verdict with the rows that it is based on; `answer` is None where the answer did not run."""

    verdict: Verdict
    gold: Table
    answer: Table | None = None


def judge_all(
    predictions: Sequence[Prediction],
    golds: Mapping[str, Sequence[str]] | None = None,
    *,
    workers: int = 0,
    limits: QueryLimits = DEFAULT_LIMITS,
    copies: int = COPIES,
    on_judged: Callable[[int], None] | None = None,
) -> list[Judged]:
    """Judge every prediction by all rules; results in the same order, the same for any number of `workers`.

    Predictions are judged database by database, so that each is opened, copied and asked for its golds once. `golds`
    are all known gold queries of each database, whose values are seeded into its `copies`, so that a verdict does not
    depend on which questions are asked; without them, the golds of the predictions. `workers` 0 starts one process per
    core, or none for few predictions. `limits` hold for every query, the golds' included. `on_judged` is called with
    the number of predictions just judged.

    Raises BadInput for a database that cannot be opened, and ExecutionError, naming the question, where a gold does not
    run.
    """
    groups = _groups(predictions, golds or {}, limits, copies)
    workers = min(workers or (os.cpu_count() or 1 if len(predictions) > FEW else 1), len(groups))
    judged: dict[int, Judged] = {}
    for done in results(_judge_group, groups, workers):
        judged.update(done)
        if on_judged is not None:
            on_judged(len(done))
    return [judged[place] for place in range(len(predictions))]


def judge_strictly(
    predictions: Sequence[Prediction],
    *,
    limits: QueryLimits = DEFAULT_LIMITS,
    on_verdict: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Judge every prediction by the strict rule alone; verdicts in the same order, each also given to `on_verdict`.

    `limits` hold for every query, the golds' included. Raises as `judge_all` does.
    """
    verdicts = []
    with ExitStack() as stack:
        suites: dict[str, Suite] = {}
        for prediction in predictions:
            path = prediction.database
            if path not in suites:
                suites[path] = stack.enter_context(Suite(Database(path, limits)))
            verdicts.append(_verdict(prediction, _execute(prediction, suites[path])))
            if on_verdict is not None:
                on_verdict(verdicts[-1])
    return verdicts


def judge(prediction: Prediction, suite: Suite) -> Judged:
    """Judge one prediction by all rules. Raises ExecutionError, naming the question, where the gold does not run."""
    outcome = _execute(prediction, suite)
    gold, answer = outcome.gold, outcome.answer
    if gold is None:
        raise ValueError("an outcome holds the gold's result")
    verdict = _verdict(prediction, outcome)
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
        place = first_divergence(prediction.operators, prediction.gold_operators, outcome.kind, suite)
        verdict = replace(verdict, diverges_at=place.number, diverges_in=place.operator)
    return Judged(verdict, _table(gold), _table(answer) if answer else None)


@dataclass(frozen=True)
class _Outcome:
    """How far an answer came: its SQL, the `cause` and `detail` of its failure, and what it and the gold returned.

    `kind` describes how other rows differ, in the words of `execution.compare`; `answer` is None where it did not run.
    """

    lowered_sql: str = ""
    cause: str = ""
    detail: str = ""
    kind: str = ""
    gold: Result | None = None
    answer: Result | None = None


def _execute(prediction: Prediction, suite: Suite) -> _Outcome:
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


def _lowered(prediction: Prediction, schema: Schema, dialect: str) -> _Outcome:
    """The answer as SQL for the database, or the cause of its failure."""
    if prediction.stop in ("length", "missing"):
        return _Outcome(cause=prediction.stop, detail=prediction.detail)
    try:
        query = read(prediction.operators, schema).query
        return _Outcome(lowered_sql=lower(query, schema, dialect))
    except SqlSyntaxError as error:
        return _Outcome(cause="syntax", detail=str(error))
    except UnknownName as error:
        return _Outcome(cause="name", detail=str(error))
    except SqlError as error:
        return _Outcome(cause="unsupported", detail=str(error))


def _verdict(prediction: Prediction, outcome: _Outcome) -> Verdict:
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
            "logprob": prediction.logprob,
            "share": prediction.share,
            "backtracks": prediction.backtracks,
            "missing_mentions": len(prediction.missing_mentions),
        },
        gold_operators=prediction.gold_operators,
    )


def _passes_suite(gold_sql: str, outcome: _Outcome, answer: Result, suite: Suite) -> bool:
    """Spider's rule on the database, then on each perturbed copy of it."""
    ordered = order_matters(gold_sql)
    if outcome.gold is None or not same_denotation(outcome.gold.rows, answer.rows, ordered):
        return False
    return all(_passes(gold_sql, outcome.lowered_sql, ordered, place, suite) for place in range(len(suite.copies)))


def _passes(gold_sql: str, lowered_sql: str, ordered: bool, place: int, suite: Suite) -> bool:
    """The rule on one copy, as far as the gold has one answer there.

    Copies hold ties where the database has none. Where reversing the rows of the copy changes the order of the gold's
    own result, order does not count there; where it changes even its rows (a LIMIT through ties), or the gold fails,
    the copy decides nothing.
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


@dataclass(frozen=True)
class _Group:
    """The predictions on one database, each with its place among all; `golds` are seeded into its `copies`."""

    database: Database
    predictions: tuple[tuple[int, Prediction], ...]
    golds: tuple[str, ...]
    copies: int


def _groups(
    predictions: Sequence[Prediction], golds: Mapping[str, Sequence[str]], limits: QueryLimits, copies: int
) -> list[_Group]:
    """The groups, the largest first, so that no worker is left alone with one at the end."""
    by_database: dict[str, list[tuple[int, Prediction]]] = {}
    for place, prediction in enumerate(predictions):
        by_database.setdefault(prediction.database, []).append((place, prediction))
    groups = [
        _Group(Database(path, limits), tuple(members), tuple(golds.get(path, [p.gold_sql for _, p in members])), copies)
        for path, members in by_database.items()
    ]
    return sorted(groups, key=lambda group: -len(group.predictions))


def _judge_group(group: _Group) -> dict[int, Judged]:
    with Suite(group.database, group.golds, copies=group.copies) as suite:
        return {place: judge(prediction, suite) for place, prediction in group.predictions}
