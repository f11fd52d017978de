"""`python -m tests.conformance.throughput SPIDER`: queries a second on one core, beside plain sqlglot.

SPIDER is the folder of Spider 1.0; its dev queries are converted with their databases' schemas, which are read before
the clock starts. Every pass takes all queries through one stage; passes of the stages take turns, and of each the best
of several counts, in processor time (the wall time of the same pass is shown beside it). Plain sqlglot parses SQLite's
dialect and writes BigQuery's: what a converter without names and scopes would do.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlglot.parser
from sqlglot.dialects.dialect import Dialect

from pipesql.decompile import decompile
from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.pipe.engines import write
from pipesql.pipe.lowering.lower import lower_tree
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve_names
from pipesql.pipe.schema import Schema

PLAIN, WHOLE = "plain sqlglot: parse + generate", "to-pipe: decompile + print"


@dataclass
class Job:
    """One query and the forms that the stages leave for those behind them."""

    sql: str
    schema: Schema
    forms: dict[str, Any] = field(default_factory=dict)


def jobs_of(folder: Path, file: str) -> list[Job]:
    """The queries of Spider that decompile, with the schemas of their databases."""
    out = []
    for entry in json.loads((folder / file).read_text(encoding="utf-8")):
        db = entry["db_id"]
        job = Job(entry["query"], Database(folder / "database" / db / f"{db}.sqlite").schema)
        try:
            job.forms["pipes"] = decompile(job.sql, job.schema)
            job.forms["text"] = print_query(job.forms["pipes"])
            job.forms["parsed"] = parse(job.forms["text"])
        except PipesqlError:
            continue
        out.append(job)
    return out


def stages() -> dict[str, Callable[[Job], object]]:
    """What is measured, by name."""
    sqlite, bigquery = Dialect.get_or_raise("sqlite"), Dialect.get_or_raise("bigquery")

    def plain(job: Job) -> str:
        return bigquery.generate(sqlite.parse(job.sql)[0])

    def lowered(job: Job) -> str:
        return write(lower_tree(_parsed(job), job.schema, "sqlite"), "sqlite")

    return {
        PLAIN: plain,
        WHOLE: lambda job: print_query(decompile(job.sql, job.schema)),
        "  parse standard SQL": lambda job: sqlite.parse(job.sql),
        "  parse, bind, build operators": lambda job: decompile(job.sql, job.schema),
        "  print": lambda job: print_query(job.forms["pipes"]),
        "to-sql: parse + lower + write": lambda job: write(
            lower_tree(parse(job.forms["text"]), job.schema, "sqlite"), "sqlite"
        ),
        "  parse pipe SQL": lambda job: parse(job.forms["text"]),
        "  resolve names": lambda job: resolve_names(_parsed(job), job.schema),
        "  resolve, lower": lambda job: lower_tree(_parsed(job), job.schema, "sqlite"),
        "  resolve, lower, write": lowered,
    }


def _parsed(job: Job) -> PipeQuery:
    query: PipeQuery = job.forms["parsed"]
    return query


@dataclass
class Best:
    """The fewest seconds that a pass took."""

    processor: float = float("inf")
    wall: float = float("inf")

    def take(self, stage: Callable[[Job], object], jobs: list[Job]) -> None:
        """Run one pass."""
        wall, processor = time.perf_counter(), time.process_time()
        for job in jobs:
            stage(job)
        self.processor = min(self.processor, time.process_time() - processor)
        self.wall = min(self.wall, time.perf_counter() - wall)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.throughput", description=__doc__)
    parser.add_argument("spider", type=Path)
    parser.add_argument("--file", default="dev.json")
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    compiled = not str(sqlglot.parser.__file__).endswith(".py")
    jobs = jobs_of(given.spider, given.file)
    found = {name: Best() for name in stages()}
    for _ in range(given.repeats):
        for name, stage in stages().items():
            found[name].take(stage, jobs)
    load = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    print(
        f"{len(jobs)} queries of {given.file}, sqlglot {'compiled' if compiled else 'in Python'}, load average {load}"
    )
    print(f"{'':34}{'queries/s':>10}{'(wall)':>10}{'µs/query':>10}{'÷ plain':>9}")
    for name, best in found.items():
        rates = (
            f"{len(jobs) / best.processor:10.0f}{len(jobs) / best.wall:10.0f}{best.processor / len(jobs) * 1e6:10.0f}"
        )
        print(f"{name:34}{rates}{best.processor / found[PLAIN].processor:9.2f}")
    ratio = found[WHOLE].processor / found[PLAIN].processor
    rate = len(jobs) / found[WHOLE].processor
    print(f"to-pipe: {ratio:.2f} times plain sqlglot's time (at most 3), {rate:.0f} queries/s (at least 1,000)")
    return int(ratio > 3 or rate < 1000)


if __name__ == "__main__":
    sys.exit(main())
