"""Benchmarks as lists of `Question`: the question, its gold SQL, database and split.

Each reader knows one benchmark's files; `read` chooses the reader, leaves out questions whose database is missing if
wanted, and samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipesql.benchmarks import bird, demo, files, spider
from pipesql.benchmarks.fetch import FOLDER, fetch
from pipesql.benchmarks.subset import MISSING, Questions, sample, without_missing
from pipesql.errors import InvalidOption
from pipesql.options import option
from pipesql.records import Question

DEMO_FOLDER = FOLDER / "demo"
"""The folder of the demo's databases, unless another is given."""

BENCHMARKS = ("demo", "spider", "bird", "files")


@dataclass(frozen=True)
class Source:
    """Which questions are taken, and where they and their databases come from.

    `benchmark_dir` is relative to the current directory. Raises InvalidOption for what does not go together.
    """

    benchmark: str = option("demo", "Question set: demo, spider, bird, or files (your own).")
    benchmark_dir: str = option("", "Its folder. Default: the demo is built, Spider and BIRD are downloaded.")
    questions: str = option("", "With benchmark=files: a JSON Lines file of questions.")
    databases: str = option("", "With benchmark=files: a folder of SQLite and DuckDB files, or a SQLAlchemy URL.")
    missing: str = option("fail", "Questions whose database is missing: fail stops, skip leaves them out.")
    limit: int = option(0, "Take up to N questions of each split, drawn by the seed; 0: all.")

    def __post_init__(self) -> None:
        if self.benchmark not in BENCHMARKS:
            raise InvalidOption(f"unknown benchmark {self.benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
        if self.limit < 0:
            raise InvalidOption(
                f"limit is {self.limit}; give the number of questions to take of each split, or 0 for all"
            )
        if self.missing not in MISSING:
            raise InvalidOption(f"missing is {self.missing!r}; choose one of {', '.join(MISSING)}")
        if self.benchmark == "files" and not (self.questions and self.databases):
            raise InvalidOption("benchmark=files needs questions (a JSON Lines file) and databases (a folder or a URL)")
        if self.benchmark != "files" and (self.questions or self.databases):
            raise InvalidOption(f"questions and databases are for benchmark=files, not for benchmark={self.benchmark}")


def load(
    benchmark: str,
    benchmark_dir: str = "",
    seed: int = 0,
    limit: int = 0,
    report: Callable[[str], object] = lambda _: None,
) -> list[Question]:
    """Read the questions of a benchmark whose databases are all there, as `read` does."""
    return read(Source(benchmark, benchmark_dir, limit=limit), seed, report).questions


def read(source: Source, seed: int = 0, report: Callable[[str], object] = lambda _: None) -> Questions:
    """Read the questions of a source, train before dev, in the files' order; a limited number is drawn by `seed`.

    The demo is built in its folder (or in `DEMO_FOLDER`). Spider and BIRD are fetched if no folder is given; `report`
    gets a line about each part of that work. Raises InvalidFile: missing folder, questions file or database, malformed
    question.
    """
    benchmark, folder, complete = source.benchmark, source.benchmark_dir, source.missing == "fail"
    if benchmark in ("spider", "bird") and not folder:
        fetch(benchmark, report=report)
        folder = str(FOLDER / benchmark)
    match benchmark:
        case "files":
            found = files.questions(Path(source.questions), source.databases, seed, complete, report)
        case "spider":
            found = spider.questions(Path(folder), complete)
        case "bird":
            found = bird.questions(Path(folder), complete)
        case _:
            found = _demo(folder)
    result = Questions(found) if complete else without_missing(found)
    place = folder or source.questions or str(DEMO_FOLDER)
    return Questions(sample(result.questions, seed, source.limit), place, result.left_out, result.missing)


def _demo(folder: str) -> list[Question]:
    target = Path(folder) if folder else DEMO_FOLDER
    demo.build(target)
    return demo.questions(target)


__all__ = ["BENCHMARKS", "DEMO_FOLDER", "Questions", "Source", "load", "read"]
