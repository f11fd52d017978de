"""All questions round-tripped, by one process, several, or Spark, with the same result in the same order.

Questions are grouped by database (`golden.groups`). Finished groups are kept in a journal, if there is one, so that a
build which crashed is resumed with the groups that it had not finished.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipesql.errors import InvalidOption, PipesqlError
from pipesql.execution.connection import QueryLimits
from pipesql.golden.groups import Done, Group, OnOutcome, groups_of, round_trip_group
from pipesql.golden.spark import on_spark
from pipesql.processes import results
from pipesql.progress import Progress
from pipesql.records import GoldenPair, Question, Rejection

LIMITS = QueryLimits(timeout_s=10.0)
"""Of every query, the golds' included: a gold that exceeds them counts as one that does not execute."""

IN_PROCESS = 600
"""Up to this many questions one process works alone: starting others would take longer."""

ENGINES = ("local", "spark")
"""Where a build may run."""


@dataclass(frozen=True)
class GoldenBuild:
    """Pairs and rejections in the questions' order, and the SHA-256 of each database by its path."""

    pairs: list[GoldenPair]
    rejections: list[Rejection]
    databases: dict[str, str]


def build(
    questions: Sequence[Question],
    seed: int = 0,
    workers: int | None = None,
    limits: QueryLimits = LIMITS,
    journal: Path | None = None,
    engine: str = "local",
) -> GoldenBuild:
    """Round-trip all questions. `workers` is the number of processes (None or 0: one a core, or one for a small set).

    `journal` is a folder for finished groups, from which a later build of the same questions takes them. Delete it by
    `Journal(folder).clear()` once the build is written. On Spark there is no journal, and `workers` has no effect.

    Raises InvalidOption for an unknown `engine`, BadInput when a database cannot be read, and PipesqlError when a
    prefix of a pair is not a query (a defect of the language, which would spoil training text).
    """
    if engine not in ENGINES:
        raise InvalidOption(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if workers is not None and workers < 0:
        raise InvalidOption(f"workers is {workers}; give a number of processes, or 0 for one a core")
    groups = groups_of(questions, seed, limits, journal)
    outcomes: dict[int, GoldenPair | Rejection] = {}
    digests: dict[str, str] = {}
    with Progress("golden pairs", len(questions), "questions") as progress:

        def count(outcome: GoldenPair | Rejection) -> None:
            progress.update(rejected=isinstance(outcome, Rejection))

        for done in _work(groups, workers or _default_workers(questions), engine, count):
            outcomes.update(done.outcomes)
            digests[done.database] = done.digest
    ordered = [outcomes[i] for i in range(len(questions))]
    rejections = [o for o in ordered if isinstance(o, Rejection)]
    broken = [r for r in rejections if r.reason == "prefix"]
    if broken:
        raise PipesqlError(
            f"{len(broken)} pipe queries have a prefix that is not a query, the first is {broken[0].id} "
            f"({broken[0].detail}); this is a defect of pipesql, please report it"
        )
    return GoldenBuild([o for o in ordered if isinstance(o, GoldenPair)], rejections, dict(sorted(digests.items())))


def _default_workers(questions: Sequence[Question]) -> int:
    return 1 if len(questions) <= IN_PROCESS else os.cpu_count() or 1


def _work(groups: Sequence[Group], workers: int, engine: str, on_outcome: OnOutcome) -> Iterator[Done]:
    """Finish the groups, in any order. Outcomes of a group that another process does are reported when it is done."""
    if engine == "local" and (workers == 1 or len(groups) == 1):
        for group in groups:
            yield round_trip_group(group, on_outcome)
        return
    for done in on_spark(groups) if engine == "spark" else results(round_trip_group, groups, workers):
        for _, outcome in done.outcomes:
            on_outcome(outcome)
        yield done
