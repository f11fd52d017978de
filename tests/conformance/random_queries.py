"""`python -m tests.conformance.random_queries --count 20000 --seed N`: random queries through the whole compiler.

Each query is decompiled, printed, parsed, lowered for SQLite and for DuckDB and executed there on the same random
tables; the rows must be those that SQLite gives for the query itself, in its order where it orders. Of every tenth
query every prefix must parse, lower and execute as well. Ends with status 1 if a query shows a difference, an exception
that is not pipesql's own, an error about text that pipesql wrote itself, or a refusal for a reason that is not known
(`checks.KNOWN`); the first ones are shown as small as they can be made. `--only K` repeats query K of a seed.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.support.compiler_check import OTHER_ENGINE, REFUSED, UNDECIDED, Bench, Outcome, bench
from tests.support.queries.random_query import QueryMaker
from tests.support.queries.shrink import smallest

CHUNK = 200
"""Queries that share their tables."""
PREFIXES_EVERY = 10
_SHOWN = 5


@dataclass
class Tally:
    """What was found, with an example of each reason."""

    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], tuple[int, Outcome]] = field(default_factory=dict)
    faults: list[tuple[int, Outcome]] = field(default_factory=list)
    on_duckdb: int = 0
    prefixes: int = 0

    def add(self, number: int, outcome: Outcome) -> None:
        """Count one query."""
        self.kinds[outcome.kind] += 1
        self.on_duckdb += outcome.duckdb
        self.prefixes += outcome.prefixes
        if not outcome.sound:
            self.faults.append((number, outcome))
        elif outcome.reason:
            key = (outcome.kind, outcome.reason)
            self.reasons[key] += 1
            self.examples.setdefault(key, (number, outcome))

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        self.kinds += other.kinds
        self.reasons += other.reasons
        self.examples = {**other.examples, **self.examples}
        self.faults += other.faults
        self.on_duckdb += other.on_duckdb
        self.prefixes += other.prefixes


def query_of(seed: int, number: int) -> str:
    """Query `number` of a seed."""
    return QueryMaker(_mixed(seed, number)).query()


def tables_of(seed: int, number: int) -> int:
    """The seed of the tables that query `number` reads."""
    return _mixed(seed, number // CHUNK)


def _mixed(seed: int, number: int) -> int:
    return random.Random(f"{seed}:{number}").randrange(2**48)


def run_chunk(task: tuple[int, range]) -> Tally:
    """Check some queries that share their tables."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    seed, numbers = task
    tally = Tally()
    with bench(tables_of(seed, numbers[0])) as opened:
        for number in numbers:
            tally.add(number, opened.check(query_of(seed, number), prefixes=number % PREFIXES_EVERY == 0))
    return tally


def shrunk(opened: Bench, outcome: Outcome) -> Outcome:
    """The same fault in the smallest query found."""
    wanted = _sort_of(outcome)

    def fails(sql: str) -> bool:
        found = opened.check(sql, prefixes="prefix" in outcome.texts)
        invented = "ANY_VALUE" in found.texts.get("pipe", "") and "ANY_VALUE" not in outcome.texts.get("pipe", "")
        return not found.sound and _sort_of(found) == wanted and not invented

    return opened.check(smallest(outcome.texts["gold"], fails), prefixes="prefix" in outcome.texts)


def _sort_of(outcome: Outcome) -> str:
    return f"{outcome.kind}: {outcome.reason.partition(':')[0]}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.random_queries", description=__doc__)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, help="check this query of the seed alone")
    parser.add_argument("--sql", help="check this query on the tables of the seed")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    if given.only is not None or given.sql:
        with bench(tables_of(given.seed, given.only or 0)) as opened:
            outcome = opened.check(given.sql or query_of(given.seed, given.only), prefixes=True)
            print(outcome)
        return not outcome.sound
    start, tally = time.perf_counter(), Tally()
    tasks = [(given.seed, range(at, min(at + CHUNK, given.count))) for at in range(0, given.count, CHUNK)]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        for part in pool.imap(run_chunk, tasks):
            tally.merge(part)
    report(tally, given.count, time.perf_counter() - start)
    show_faults(tally, given.seed)
    return bool(tally.faults)


def report(tally: Tally, count: int, seconds: float) -> None:
    """The counts."""
    kinds = ", ".join(f"{kind} {number}" for kind, number in tally.kinds.most_common())
    print(f"{count} queries in {seconds:.0f} s: {kinds}")
    print(f"executed on DuckDB as well: {tally.on_duckdb}; prefixes parsed, lowered and executed: {tally.prefixes}")
    for kind in (REFUSED, OTHER_ENGINE, UNDECIDED):
        for (own, reason), number in tally.reasons.most_common():
            if own == kind:
                print(f"  {number:5} {kind}: {reason[:150]}  (query {tally.examples[own, reason][0]})")


def show_faults(tally: Tally, seed: int) -> None:
    """The first fault of each sort, as small as it can be made."""
    sorts: dict[str, list[tuple[int, Outcome]]] = {}
    for number, outcome in tally.faults:
        sorts.setdefault(_sort_of(outcome), []).append((number, outcome))
    for sort, found in sorts.items():
        print(f"{len(found)} faults: {sort}")
        for number, outcome in sorted(found, key=lambda f: len(f[1].texts["gold"]))[:_SHOWN]:
            with bench(tables_of(seed, number)) as opened:
                print(f"- query {number}: {shrunk(opened, outcome)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
