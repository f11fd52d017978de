"""An answer judged by every rule, with what a page shows of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipesql.errors import ExecutionError
from pipesql.evaluate.bench import Answers, Bench
from pipesql.evaluate.parting import parting
from pipesql.evaluate.rules.bird import same_set, soft_f1
from pipesql.evaluate.rules.spider import order_matters, same_denotation
from pipesql.evaluate.score import Outcome, execute, verdict_of
from pipesql.execution.database import Result
from pipesql.records import Prediction, Verdict

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


def judge(prediction: Prediction, bench: Bench) -> Judged:
    """The verdict by all rules. Raises ExecutionError, naming the question, where the gold does not run."""
    outcome = execute(prediction, bench)
    gold, answer = outcome.gold, outcome.answer
    if gold is None:
        raise ValueError("an outcome holds the gold's result")
    verdict = verdict_of(prediction, outcome)
    if answer is None:
        verdict = replace(verdict, spider=False, bird=False, soft_f1=0.0)
    else:
        verdict = replace(
            verdict,
            spider=_passes_suite(prediction.gold_sql, outcome, answer, bench),
            bird=same_set(gold.rows, answer.rows),
            soft_f1=soft_f1(gold.rows, answer.rows),
        )
    if outcome.cause and prediction.operators and prediction.gold_operators:
        place = parting(prediction.operators, prediction.gold_operators, outcome.kind, bench)
        verdict = replace(verdict, parts_at=place.number, parts_in=place.operator)
    return Judged(verdict, _table(gold), _table(answer) if answer else None)


def _passes_suite(gold_sql: str, outcome: Outcome, answer: Result, bench: Bench) -> bool:
    """Spider's rule on the database, then on each disturbed copy of it."""
    ordered = order_matters(gold_sql)
    if outcome.gold is None or not same_denotation(outcome.gold.rows, answer.rows, ordered):
        return False
    return all(_passes(gold_sql, outcome.lowered_sql, ordered, place, bench) for place in range(len(bench.copies)))


def _passes(gold_sql: str, lowered_sql: str, ordered: bool, place: int, bench: Bench) -> bool:
    """The rule on one copy, as far as the gold has one answer there.

    Copies hold ties where the database has none. Where the gold itself comes in another order when the rows of the copy
    lie the other way round, order does not count there; where even its rows are others (a LIMIT through ties), or where
    it fails, the copy says nothing.
    """
    copy = bench.copies[place]
    try:
        gold = copy.run(gold_sql)
    except ExecutionError:
        return True
    for in_order in (True, False) if ordered else (False,):
        if _same(gold, lowered_sql, in_order, copy):
            return True
        if _same(gold, gold_sql, in_order, bench.reversed_copies[place]):
            return False
    return True


def _same(gold: Result, sql: str, ordered: bool, database: Answers) -> bool:
    """Does the query return the gold's rows there? One that fails does not."""
    try:
        return same_denotation(gold.rows, database.run(sql).rows, ordered)
    except ExecutionError:
        return False


def _table(result: Result) -> Table:
    return Table(result.columns, tuple(result.rows[:SHOWN_ROWS]), len(result.rows))
