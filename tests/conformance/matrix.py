"""`python -m tests.conformance.matrix`: lowered pipelines give the rows that Google's own executor gives.

Every ordered pair of operators (`tests.support.queries.pipelines`) behind `FROM a`, every operator behind every start,
and longer pipelines drawn at random, on tables with NULLs, duplicates and ties. Each is lowered to each engine, run
there, and compared with what Google's executor makes of the pipe text: as a multiset, or in order where order is
defined. The exit status is 0 if nothing differs and nothing fails.

BigQuery's text is GoogleSQL: it is run by Google's executor too. What pipesql refuses for an engine is listed by
construct; what Google's executor refuses is listed by reason and compared with nothing.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipesql.errors import UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema
from tests.support.oracles import googlesql
from tests.support.queries.pipelines import OPERATORS, STARTS, TABLES, pipeline
from tests.support.servers import postgres

Rows = list[tuple[Any, ...]]
Run = Callable[[str], Rows]
ENGINES = ("sqlite", "duckdb", "postgres", "bigquery")
_TYPED = TABLES.replace("INTEGER", "BIGINT").replace("REAL", "DOUBLE PRECISION")
_FAULTS = {
    # SQLite 3.40 flattens UNION ALL with a RIGHT or FULL JOIN in one arm into the joins around it, and then complains.
    "sqlite": "ON clause references tables to its right",
}
"""What an engine says where a fault of its own keeps it from running a query."""
_SLOWEST = 5.0
"""Seconds that one query may take in SQLite."""


@dataclass
class Tally:
    """What became of the pipelines on one engine."""

    equal: int = 0
    different: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


def pairs() -> list[str]:
    """Every ordered pair of operators."""
    return [pipeline(first, second) for first in OPERATORS for second in OPERATORS]


def starts() -> list[str]:
    """Every operator behind every start."""
    return [pipeline(name, start=start) for start in STARTS[1:] for name in OPERATORS]


def longer(seed: int, count: int) -> list[str]:
    """Three to five operators, drawn at random."""
    chance = random.Random(seed)
    names = list(OPERATORS)
    return [
        pipeline(*(chance.choice(names) for _ in range(chance.choice((3, 4, 5)))), start=chance.choice(STARTS))
        for _ in range(count)
    ]


@contextmanager
def database() -> Iterator[Path]:
    """The tables as a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="matrix") as folder:
        path = Path(folder) / "tables.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(TABLES)
        connection.close()
        yield path


@contextmanager
def engine(name: str, path: Path, google: googlesql.Executor) -> Iterator[Run]:
    """How to run a statement there, on the same tables. Skips, as a test does, where the engine is not installed."""
    if name == "sqlite":
        connection = sqlite3.connect(path)
        yield lambda sql: _limited(connection, sql)
        connection.close()
    elif name == "duckdb":
        duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
        other = duckdb.connect()
        other.execute(_TYPED)
        yield lambda sql: list(other.execute(sql).fetchall())
        other.close()
    elif name == "postgres":
        with postgres.server() as server:
            for statement in _TYPED.strip().rstrip(";").split(";"):
                server.execute(statement)
            server.execute("SET statement_timeout = 5000")
            yield lambda sql: list(server.execute(sql).fetchall())
    else:
        yield google.run


def _limited(connection: sqlite3.Connection, sql: str) -> Rows:
    """The rows, unless the query runs on and on."""
    steps = iter(range(int(_SLOWEST * 2000)))
    connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
    return list(connection.execute(sql).fetchall())


class Matrix:
    """Judges pipelines one after another."""

    def __init__(self, schema: Schema, google: googlesql.Executor, engines: dict[str, Run]) -> None:
        self.schema = schema
        self.google = google
        self.engines = engines
        self.tallies = {name: Tally() for name in engines}
        self.not_run: Counter[str] = Counter()
        self.misnamed: list[str] = []
        self.pipelines = 0

    def judge(self, text: str) -> None:
        """Run one pipeline everywhere and note what came of it."""
        self.pipelines += 1
        try:
            expected = self.google.run(text)
        except googlesql.GoogleSqlError as e:
            self.not_run[_reason(str(e))] += 1
            return
        names = [name.lower() for name in self.google.columns]
        query = parse(text)
        scope = resolve(query, self.schema)[-1]
        if [c.name.lower() for c in scope.columns] != names:
            self.misnamed.append(f"{text}\nexpected columns {names}\nfound {[c.name for c in scope.columns]}")
        ordered = scope.ordered
        for name, run in self.engines.items():
            tally = self.tallies[name]
            try:
                sql = lower(query, self.schema, name)
            except UnsupportedSql as e:
                tally.refused[e.construct] += 1
                continue
            except Exception as e:  # noqa: BLE001 (to be shown with its pipeline)
                tally.failed.append(f"{text}\n=> {name}: {e!r}")
                continue
            try:
                rows = run(sql)
            except Exception as e:  # noqa: BLE001 (whatever an engine's driver raises is a failure of ours)
                if (fault := _FAULTS.get(name)) and fault in str(e):
                    tally.faults[fault] += 1
                else:
                    tally.failed.append(f"{text}\n=> {sql}\n{str(e).splitlines()[0]}")
                continue
            if comparable(rows, ordered) == comparable(expected, ordered):
                tally.equal += 1
            else:
                tally.different.append(f"{text}\n=> {sql}\nexpected {expected}\nfound    {rows}")

    def wrong(self) -> list[str]:
        """What differs or fails, by engine."""
        wrong = [f"{name}: {w}" for name, t in self.tallies.items() for w in (*t.different, *t.failed)]
        return [f"names: {w}" for w in self.misnamed] + wrong

    def table(self) -> str:
        """The figures, as text."""
        ran = self.pipelines - self.not_run.total()
        lines = [f"{self.pipelines} pipelines, {ran} that Google's executor runs"]
        lines += [f"column names that differ from Google's: {len(self.misnamed)}", ""]
        lines.append(f"{'engine':<10} {'equal':>7} {'different':>10} {'failed':>7} {'refused':>8}")
        for name, tally in self.tallies.items():
            wrong, failed = len(tally.different), len(tally.failed)
            lines.append(f"{name:<10} {tally.equal:>7} {wrong:>10} {failed:>7} {tally.refused.total():>8}")
        for name, tally in self.tallies.items():
            lines += [f"refused for {name}: {n} × {construct}" for construct, n in tally.refused.most_common()]
        for name, tally in self.tallies.items():
            lines += [f"not run by {name}, a fault of its own: {n} × {fault}" for fault, n in tally.faults.items()]
        lines += [f"not run by Google's executor: {n} × {reason}" for reason, n in self.not_run.most_common()]
        return "\n".join(lines)


def comparable(rows: Rows, ordered: bool) -> list[Any]:
    """Rows as values that compare across engines; sorted unless their order means something."""
    plain = [tuple(_plain(v) for v in row) for row in rows]
    return plain if ordered else sorted(plain, key=repr)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return float(value)  # SUM of integers is a decimal in some engines


def _reason(message: str) -> str:
    """Google's sentence without the names in it."""
    text = message.split("Message: ")[-1].splitlines()[0]
    return " ".join(word for word in text.split() if not any(c.isdigit() for c in word))[:100]


def run(texts: Iterable[str], engines: Iterable[str], shown: int = 0) -> Matrix:
    """The matrix of these pipelines on these engines; `shown` is after how many a dot is printed."""
    with ExitStack() as stack:
        path = stack.enter_context(database())
        google = googlesql.executor(path)
        runs = {name: stack.enter_context(engine(name, path, google)) for name in engines}
        matrix = Matrix(Database(path).schema, google, runs)
        for text in texts:
            matrix.judge(text)
            if shown and matrix.pipelines % shown == 0:
                print(".", end="", file=sys.stderr, flush=True)
        return matrix


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", action="append", choices=ENGINES, help="default: all of them")
    parser.add_argument("--seed", type=int, default=7, help="of the longer pipelines")
    parser.add_argument("--longer", type=int, default=2000, metavar="N", help="pipelines of three to five operators")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many of the pairs and starts")
    given = parser.parse_args()
    texts = [*pairs(), *starts()]
    if given.sample is not None:
        texts = random.Random(given.seed).sample(texts, given.sample)
    try:
        matrix = run([*texts, *longer(given.seed, given.longer)], given.engine or ENGINES, shown=100)
    except pytest.skip.Exception as e:
        print(f"cannot run: {e}", file=sys.stderr)
        return 2
    print(f"\nseed {given.seed}: {matrix.table()}")
    for wrong in matrix.wrong()[:20]:
        print(f"\n{wrong}")
    return 1 if matrix.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
