"""`python -m tests.conformance.mutations --count 100000 --seed N`: damaged texts end in errors of pipesql's own.

Half are pipe texts, which are parsed, printed, parsed again (to the same text) and lowered; half are standard texts,
which are decompiled and printed. Each is a random query with words or characters put in, taken out, doubled, swapped or
repeated many times. Ends with status 1 if another exception comes out, an error has a line break, a printed text is not
read back as it is, or one text takes a second of processor time.
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
from collections.abc import Callable
from dataclasses import dataclass, field

from pipesql.decompile import decompile
from pipesql.errors import PipesqlError
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.schema import Column, Schema, Table
from tests.support.queries.pipe_texts import PIECES, PIPES
from tests.support.queries.pipelines import OPERATORS, pipeline
from tests.support.queries.random_query import QueryMaker
from tests.support.queries.tables import DECLARED, SPECS

SLOW = 1.0
"""Seconds of processor time that one text may take."""
CHUNK = 1000
_SHOWN = 8
_OTHER_TABLES = {"a": "id x y:DOUBLE s:TEXT", "b": "bid bx t:TEXT", "c": "cid u:TEXT", "e": "id ex"}


def schema() -> Schema:
    """The tables of the random queries and of the pipelines."""
    tables = [Table(s.name, tuple(Column(n, DECLARED[k]) for n, k in s.columns)) for s in SPECS]
    for name, columns in _OTHER_TABLES.items():
        parts = (c.partition(":") for c in columns.split())
        tables.append(Table(name, tuple(Column(n, kind or "BIGINT") for n, _, kind in parts)))
    return Schema(tuple(tables))


def pipe_text(seed: int, tables: Schema) -> str:
    """A sound pipe query: a decompiled one, a run of operators, or one of the rare operators."""
    chance = random.Random(seed)
    draw = chance.random()
    if draw < 0.5:
        try:
            return print_query(decompile(QueryMaker(seed).query(), tables))
        except PipesqlError:
            pass
    if draw < 0.75:
        return pipeline(*(chance.choice(list(OPERATORS)) for _ in range(chance.randint(1, 4))))
    return chance.choice(PIPES)


def mutated(text: str, seed: int) -> str:
    """The text with a few words or characters changed."""
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 1, 1, 2, 2, 4])):
        text = _words_changed(text, chance) if chance.random() < 0.75 else _characters_changed(text, chance)
    return text


def _words_changed(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at, other = chance.randrange(len(words)), chance.randrange(len(words))
    named = [i for i, word in enumerate(words) if word.strip("(),`").replace(".", "_").islower()]
    if named and chance.random() < 0.4:  # another name in its place: what is read must still be understood
        words[chance.choice(named)] = words[chance.choice(named)]
        return " ".join(words)
    match chance.randrange(8):
        case 0 | 1:
            words.insert(at, chance.choice(PIECES))
        case 2 if len(words) > 1:
            del words[at]
        case 3:
            words[at] = words[at][: chance.randint(0, len(words[at]))]
        case 4:
            words[at], words[other] = words[other], words[at]
        case 5:
            words[at:at] = words[other : other + chance.randint(1, 12)]
        case 6 if chance.random() < 0.1:
            words[at : at + 1] = [words[at]] * chance.choice([30, 300])
        case _:
            words[at] = chance.choice(PIECES)
    return " ".join(words)


def _characters_changed(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    match chance.randrange(4):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + chance.choice("'\"`()[]{};,.|>\\-/*#@$%&=!~^:? \n\t\0é日\u2028") + text[at:]
        case 2:
            return text[:at] + text[at : at + 1] * 2 + text[at + 1 :]
        case _:
            return text[:at] if chance.random() < 0.3 else text[:at] + text[at:][::-1][:3] + text[at + 3 :]


def read_pipe(text: str, tables: Schema) -> str:
    """Put a pipe text through everything; gives what is wrong with the result, or nothing. Raises PipesqlError."""
    query = parse(text)
    printed = print_query(query)
    again = print_query(parse(printed))
    if again != printed:
        return f"read back otherwise: {printed!r} as {again!r}"
    lower(query, tables)
    lower(query, tables, "duckdb")
    return ""


def read_standard(text: str, tables: Schema) -> str:
    """Put a standard text through everything; gives what is wrong with the result, or nothing. Raises PipesqlError."""
    printed = print_query(decompile(text, tables))
    again = print_query(parse(printed))
    return "" if again == printed else f"read back otherwise: {printed!r} as {again!r}"


Reader = Callable[[str, Schema], str]


def outcome(text: str, read: Reader, tables: Schema) -> tuple[str, str]:
    """(kind, fault) of one text; the fault is empty where all is well."""
    try:
        wrong = read(text, tables)
    except PipesqlError as e:
        return type(e).__name__, f"error of several lines: {e}" if "\n" in str(e) or not str(e) else ""
    except Exception as e:  # noqa: BLE001 (a foreign exception is what this looks for)
        return "foreign", f"foreign exception {type(e).__name__}: {e}"
    return "read", wrong


@dataclass
class Tally:
    """What was found."""

    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        self.kinds += other.kinds
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)


def text_of(seed: int, number: int, tables: Schema) -> tuple[str, Reader]:
    """Text `number` of a seed, and what reads it."""
    own = random.Random(f"{seed}:{number}").randrange(2**48)
    if number % 2:
        return mutated(pipe_text(own, tables), own), read_pipe
    return mutated(QueryMaker(own).query(), own), read_standard


def run_chunk(task: tuple[int, range]) -> Tally:
    """Read some texts."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    seed, numbers = task
    tables, tally = schema(), Tally()
    for number in numbers:
        text, read = text_of(seed, number, tables)
        start = time.process_time()
        kind, fault = outcome(text, read, tables)
        seconds = time.process_time() - start
        tally.kinds[f"{'pipe' if number % 2 else 'standard'} {kind}"] += 1
        tally.slowest = max(tally.slowest, (seconds, text))
        fault = fault or (f"slow: {seconds:.1f} s" if seconds > SLOW else "")
        if fault:
            tally.faults.append((fault, text, read.__name__))
    return tally


def shortest(text: str, fault: str, read: Reader, tables: Schema) -> str:
    """The text with as few words as still show the same sort of fault."""
    sort, words = fault.partition(":")[0], text.split(" ")
    size = len(words) // 2
    while size:
        at = 0
        while at < len(words):
            fewer = words[:at] + words[at + size :]
            if outcome(" ".join(fewer), read, tables)[1].partition(":")[0] == sort:
                words = fewer
            else:
                at += size
        size //= 2
    return " ".join(words)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.mutations", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    start, tally = time.perf_counter(), Tally()
    tasks = [(given.seed, range(at, min(at + CHUNK, given.count))) for at in range(0, given.count, CHUNK)]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        for part in pool.imap(run_chunk, tasks):
            tally.merge(part)
    print(f"{given.count} texts in {time.perf_counter() - start:.0f} s")
    for kind, number in sorted(tally.kinds.items()):
        print(f"  {number:6} {kind}")
    print(f"slowest: {tally.slowest[0]:.3f} s of processor time: {tally.slowest[1][:300]!r}")
    show_faults(tally)
    return bool(tally.faults)


def show_faults(tally: Tally) -> None:
    """The first faults of each sort, as short as they can be made."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    tables = schema()
    sorts: dict[str, list[tuple[str, str, str]]] = {}
    for fault in tally.faults:
        sorts.setdefault(fault[0].partition(":")[0], []).append(fault)
    for sort, found in sorts.items():
        print(f"{len(found)} faults: {sort}")
        for fault, text, name in sorted(found, key=lambda f: len(f[1]))[:_SHOWN]:
            read = read_pipe if name == "read_pipe" else read_standard
            short = text if sort == "slow" else shortest(text, fault, read, tables)
            print(f"- {name}: {short!r}\n    {outcome(short, read, tables)[1][:400]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
