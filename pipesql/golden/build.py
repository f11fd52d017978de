"""All questions round-tripped, by one process, several, or Spark: the same result in the same order.

Questions are grouped by database (`golden.groups`). Finished groups are kept in a journal, if there is one, so that a
build which was killed loses nothing but the groups that it had in hand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.connection import QueryLimits
from pipesql.golden.groups import Done, Group, groups_of, in_processes, in_this_process
from pipesql.golden.spark import on_spark
from pipesql.records import GoldenPair, Question, Rejection

LIMITS = QueryLimits(timeout_s=10.0)
"""Of every query, the golds' included: a gold that exceeds them counts as one that does not execute."""

IN_PROCESS = 600
"""Up to this many questions are done in this process: starting workers would take longer."""

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
    """Round-trip all questions. `workers` processes (None or 0: one a core, or none for a small set).

    `journal` is a folder for what is finished; a later build of the same takes it from there. It is left behind:
    `Journal(folder).clear()` once the build is written. On Spark there is no journal, and `workers` says nothing.

    Raises BadInput when a database cannot be read or `engine` is none of `ENGINES`, PipesqlError when a prefix of a
    pair is no query (a defect of the language that would spoil training text; nothing may hide it).
    """
    if engine not in ENGINES:
        raise BadInput(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if workers is not None and workers < 0:
        raise BadInput(f"workers is {workers}; give how many processes to use, or 0 for one a core")
    groups = groups_of(questions, seed, limits, journal)
    outcomes: dict[int, GoldenPair | Rejection] = {}
    digests: dict[str, str] = {}
    with _progress(len(questions)) as bar:
        for done in _work(groups, workers or _default_workers(questions), engine):
            outcomes.update(done.outcomes)
            digests[done.database] = done.digest
            bar.update(len(done.outcomes))
    ordered = [outcomes[i] for i in range(len(questions))]
    rejections = [o for o in ordered if isinstance(o, Rejection)]
    broken = [r for r in rejections if r.reason == "prefix"]
    if broken:
        raise PipesqlError(
            f"{len(broken)} pipe queries have a prefix that is no query, first {broken[0].id} "
            f"({broken[0].detail}); this is a defect of pipesql, please report it"
        )
    return GoldenBuild([o for o in ordered if isinstance(o, GoldenPair)], rejections, dict(sorted(digests.items())))


def _default_workers(questions: Sequence[Question]) -> int:
    return 1 if len(questions) <= IN_PROCESS else os.cpu_count() or 1


def _work(groups: Sequence[Group], workers: int, engine: str) -> Iterator[Done]:
    if engine == "spark":
        return on_spark(groups)
    return in_processes(groups, workers) if workers > 1 else in_this_process(groups)


def _progress(total: int) -> Any:
    """A bar on the terminal's standard error; silent where that is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit="question", desc="golden pairs", file=sys.stderr, disable=not sys.stderr.isatty())
