"""All questions round-tripped, a process pool's work, with the same result in the same order whatever the pool.

Questions are grouped by database: a worker opens a database and makes its copies once for the whole group.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from pipesql.errors import PipesqlError
from pipesql.golden.roundtrip import round_trip
from pipesql.golden.witnesses import TIMEOUT_S, Witnesses
from pipesql.records import GoldenPair, Question, Rejection

IN_PROCESS = 600
"""Up to this many questions are done in this process: starting workers would take longer."""


@dataclass(frozen=True)
class GoldenBuild:
    """Pairs and rejections in the questions' order, and the SHA-256 of each database by its path."""

    pairs: list[GoldenPair]
    rejections: list[Rejection]
    databases: dict[str, str]


@dataclass(frozen=True)
class _Group:
    """The questions of one database, each with its place among all questions."""

    database: str
    questions: tuple[tuple[int, Question], ...]
    seed: int
    timeout_s: float


@dataclass(frozen=True)
class _Done:
    database: str
    digest: str
    outcomes: tuple[tuple[int, GoldenPair | Rejection], ...]


def build(
    questions: Sequence[Question], seed: int = 0, workers: int | None = None, timeout_s: float = TIMEOUT_S
) -> GoldenBuild:
    """Round-trip all questions. `workers` processes (None: one a core, or none for a small set).

    Raises BadInput when a database cannot be read, PipesqlError when a prefix of a pair is no query (a defect of the
    language that would spoil training text; nothing may hide it).
    """
    groups = _group(questions, seed, timeout_s)
    if workers is None:
        workers = 1 if len(questions) <= IN_PROCESS else min(os.cpu_count() or 1, len(groups))
    outcomes: dict[int, GoldenPair | Rejection] = {}
    digests: dict[str, str] = {}
    with _progress(len(questions)) as bar:
        for done in _work(groups, workers):
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


def _group(questions: Sequence[Question], seed: int, timeout_s: float) -> list[_Group]:
    by_database: dict[str, list[tuple[int, Question]]] = {}
    for place, question in enumerate(questions):
        by_database.setdefault(question.database, []).append((place, question))
    groups = [_Group(path, tuple(members), seed, timeout_s) for path, members in by_database.items()]
    # The largest first, so that no worker is left alone with one at the end.
    return sorted(groups, key=lambda g: -len(g.questions))


def _work(groups: Iterable[_Group], workers: int) -> Iterator[_Done]:
    if workers <= 1:
        yield from map(_round_trip_group, groups)
        return
    # Spawned, not forked: the caller may hold threads (MLflow, torch) that do not survive a fork.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        for future in as_completed([pool.submit(_round_trip_group, group) for group in groups]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _round_trip_group(group: _Group) -> _Done:
    golds = [question.gold_sql for _, question in group.questions]
    outcomes = []
    with Witnesses(group.database, golds, group.seed, group.timeout_s) as witnesses:
        for place, question in group.questions:
            try:
                outcomes.append((place, round_trip(question, witnesses)))
            except BaseException as e:
                e.add_note(f"at question {question.id} on {question.database}: {question.gold_sql}")
                raise
        return _Done(group.database, witnesses.digest, tuple(outcomes))


def _progress(total: int) -> Any:
    """A bar on the terminal's standard error; silent where that is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit="question", desc="golden pairs", file=sys.stderr, disable=not sys.stderr.isatty())
