"""Predictions judged by all rules: database by database, so that each is opened, copied and asked its golds once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from pipesql.errors import ExecutionError
from pipesql.evaluate.judge import Judged, judge
from pipesql.execution.connection import DEFAULT_LIMITS, QueryLimits
from pipesql.execution.database import Database
from pipesql.execution.suite import COPIES, Suite
from pipesql.processes import spawned
from pipesql.records import Prediction

FEW = 100
"""So many predictions are judged sooner than processes start."""


@dataclass(frozen=True)
class _Group:
    """The predictions on one database, each with its place among all; `golds` are seeded into its copies."""

    database: Database
    predictions: tuple[tuple[int, Prediction], ...]
    golds: tuple[str, ...]
    copies: int


def judge_all(
    predictions: Sequence[Prediction],
    golds: Mapping[str, Sequence[str]] | None = None,
    *,
    workers: int = 0,
    limits: QueryLimits = DEFAULT_LIMITS,
    copies: int = COPIES,
    on_judged: Callable[[int], None] | None = None,
) -> list[Judged]:
    """Judge every prediction; results in the same order, the same for any number of `workers`.

    `golds` are, for each database, the gold queries whose values are seeded into its `copies`: all that are known of
    it, so that a verdict does not depend on which questions are asked; without them, those of the predictions.
    `workers` 0 takes one a core, or none for few predictions. `limits` hold for every query, the golds' included.
    `on_judged` gets the number of newly judged predictions.

    Raises BadInput for a database that cannot be opened, and ExecutionError, naming the question, where a gold does not
    run.
    """
    groups = _groups(predictions, golds or {}, limits, copies)
    workers = min(workers or (os.cpu_count() or 1 if len(predictions) > FEW else 1), len(groups))
    judged: dict[int, Judged] = {}
    for done in _in_processes(groups, workers) if workers > 1 else map(_judge_group, groups):
        judged.update(done)
        if on_judged is not None:
            on_judged(len(done))
    return [judged[place] for place in range(len(predictions))]


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


def _in_processes(groups: Sequence[_Group], workers: int) -> Iterator[dict[int, Judged]]:
    pool = spawned(workers)
    try:
        for future in as_completed([pool.submit(_judge_group, group) for group in groups]):
            yield future.result()
    except BrokenProcessPool as error:
        raise ExecutionError(
            "a process that judges answers was ended from outside, for want of memory perhaps: use fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
