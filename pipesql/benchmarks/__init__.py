"""Benchmarks as lists of `Question`: what is asked, the gold SQL, the database, the split.

Each reader knows one benchmark's files; `load` chooses the reader and samples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipesql.benchmarks import bird, demo, spider
from pipesql.benchmarks.fetching import FOLDER, fetch
from pipesql.benchmarks.sampling import sample
from pipesql.errors import BadInput
from pipesql.records import Question

DEMO_FOLDER = FOLDER / "demo"
"""Where the demo's databases are built when no folder is given."""


def load(
    benchmark: str,
    benchmark_dir: str = "",
    seed: int = 0,
    limit: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> list[Question]:
    """The questions of `benchmark` (`demo`, `spider` or `bird`), train before dev, in the files' order.

    `benchmark_dir` is the benchmark's folder, from the current directory; the demo is built there (or in
    `DEMO_FOLDER`), the others are fetched where none is given (`say` is told of that). `limit` above 0 takes at most
    that many questions of each split, chosen by `seed`.
    Raises BadInput: unknown benchmark, missing folder, questions file or database, malformed question.
    """
    if benchmark not in _READERS:
        raise BadInput(f"unknown benchmark {benchmark!r}; choose one of {', '.join(_READERS)}")
    if limit < 0:
        raise BadInput(f"limit is {limit}; give 0 for all questions, or how many of each split to take")
    if benchmark != "demo" and not benchmark_dir:
        fetch(benchmark, say=say)
        benchmark_dir = str(FOLDER / benchmark)
    return sample(_READERS[benchmark](benchmark_dir), seed, limit)


def _demo(folder: str) -> list[Question]:
    target = Path(folder) if folder else DEMO_FOLDER
    demo.build(target)
    return demo.questions(target)


def _spider(folder: str) -> list[Question]:
    return spider.questions(Path(folder))


def _bird(folder: str) -> list[Question]:
    return bird.questions(Path(folder))


_READERS: dict[str, Callable[[str], list[Question]]] = {"demo": _demo, "spider": _spider, "bird": _bird}

__all__ = ["DEMO_FOLDER", "load"]
