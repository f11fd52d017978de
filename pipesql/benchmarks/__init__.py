"""Benchmarks as lists of `Question`: what is asked, the gold SQL, the database, the split.

Each reader knows one benchmark's files; `read` chooses the reader, leaves out what has no database if that is wanted,
and samples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipesql.benchmarks import bird, demo, files, spider
from pipesql.benchmarks.fetch import FOLDER, fetch
from pipesql.benchmarks.subset import MISSING, Questions, sample, without_missing
from pipesql.errors import BadInput
from pipesql.records import Question

DEMO_FOLDER = FOLDER / "demo"
"""Where the demo's databases are built when no folder is given."""

BENCHMARKS = ("demo", "spider", "bird", "files")


def load(
    benchmark: str,
    benchmark_dir: str = "",
    seed: int = 0,
    limit: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> list[Question]:
    """The questions of `read`, of a benchmark whose databases are all there."""
    return read(benchmark, benchmark_dir, seed=seed, limit=limit, say=say).questions


def read(
    benchmark: str,
    benchmark_dir: str = "",
    *,
    questions: str = "",
    databases: str = "",
    missing: str = "fail",
    seed: int = 0,
    limit: int = 0,
    say: Callable[[str], object] = lambda _: None,
) -> Questions:
    """The questions of one of `BENCHMARKS`, train before dev, in the files' order.

    `benchmark_dir` is the benchmark's folder, from the current directory; the demo is built there (or in
    `DEMO_FOLDER`), Spider and BIRD are fetched where none is given (`say` is told of that). `files` wants instead the
    file `questions`, and `databases`, a folder or a URL (`benchmarks.files`). `missing` says what becomes of questions
    whose database is missing: `fail`, or `skip`, which leaves them out and counts them. `limit` above 0 takes at most
    that many questions of each split, chosen by `seed`.
    Raises BadInput: unknown benchmark, missing folder, questions file or database, malformed question.
    """
    _check(benchmark, questions, databases, missing, limit)
    if benchmark in ("spider", "bird") and not benchmark_dir:
        fetch(benchmark, say=say)
        benchmark_dir = str(FOLDER / benchmark)
    complete = missing == "fail"
    match benchmark:
        case "files":
            found = files.questions(Path(questions), databases, seed, complete, say)
        case "spider":
            found = spider.questions(Path(benchmark_dir), complete)
        case "bird":
            found = bird.questions(Path(benchmark_dir), complete)
        case _:
            found = _demo(benchmark_dir)
    result = Questions(found) if complete else without_missing(found)
    place = benchmark_dir or questions or str(DEMO_FOLDER)
    return Questions(sample(result.questions, seed, limit), place, result.left_out, result.missing)


def _check(benchmark: str, questions: str, databases: str, missing: str, limit: int) -> None:
    if benchmark not in BENCHMARKS:
        raise BadInput(f"unknown benchmark {benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
    if limit < 0:
        raise BadInput(f"limit is {limit}; give 0 for all questions, or how many of each split to take")
    if missing not in MISSING:
        raise BadInput(f"missing is {missing!r}; choose one of {', '.join(MISSING)}")
    if benchmark == "files" and not (questions and databases):
        raise BadInput("the benchmark files needs questions (a JSON Lines file) and databases (a folder or a URL)")
    if benchmark != "files" and (questions or databases):
        raise BadInput(f"questions and databases are for the benchmark files, not for {benchmark}; set benchmark=files")


def _demo(folder: str) -> list[Question]:
    target = Path(folder) if folder else DEMO_FOLDER
    demo.build(target)
    return demo.questions(target)


__all__ = ["BENCHMARKS", "DEMO_FOLDER", "Questions", "load", "read"]
