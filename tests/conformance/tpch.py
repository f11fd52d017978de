"""`python -m tests.conformance.tpch PAIRS DATABASE`: TPC-H in standard SQL and in pipes, both ways.

PAIRS is a file of JSON Lines with `query`, `standard_sql` and `pipe_sql` in GoogleSQL; DATABASE is TPC-H as a SQLite
file. A line a query, then totals:

- `pipes`: the standard query becomes pipe text;
- `pure`: no standard SELECT is left in it;
- `google`: Google's analyzer accepts that text, the tables typed as declared;
- `sqlite`, `duckdb`: that text, lowered and executed, gives the rows of the standard query;
- `pipe sqlite`, `pipe duckdb`: the pair's own pipe text, lowered and executed, gives them too.

The expected rows are made without pipesql: by sqlglot's translation to DuckDB, executed there, and, a second witness,
by the standard query on SQLite with its date arithmetic computed beforehand.
"""

from __future__ import annotations

import argparse
import calendar
import csv
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from pipesql.decompile import decompile
from pipesql.execution.compare import same_rows
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.walk import is_pure
from tests.support.oracles.googlesql import Executor

Rows = list[tuple[Any, ...]]
CHECKS = ("pipes", "pure", "google", "sqlite", "duckdb", "pipe sqlite", "pipe duckdb")


@dataclass
class Verdict:
    """What became of one query: for each check whether it holds, and what went wrong."""

    query: int
    rows: int
    holds: dict[str, bool] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = "  ".join(f"{name} {'yes' if self.holds.get(name) else 'NO'}" for name in CHECKS)
        return f"{self.query:>2}  {self.rows:>4} rows  {shown}" + "".join(f"\n    {f}" for f in self.faults)


class Bench:
    """TPC-H in SQLite and in DuckDB, and Google's analyzer for its tables."""

    def __init__(self, database: Path) -> None:
        import duckdb

        self.schema = Database(database).schema
        self.sqlite = sqlite3.connect(database)
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")  # for the standard queries; our own text needs none
        self.plain = sqlite3.connect(database)
        self.duckdb = duckdb.connect()
        _copy(self.sqlite, self.duckdb)
        self.google = Executor(self.sqlite)

    def run(self, dialect: str, sql: str) -> Rows:
        """The rows on an engine; dates as texts."""
        engine = self.plain if dialect == "sqlite" else self.duckdb
        rows = engine.execute(sql).fetchall()
        return [tuple(str(v) if isinstance(v, date) else _number(v) for v in row) for row in rows]

    def expected(self, standard: str) -> Rows:
        """The standard query's own rows. Both witnesses must agree."""
        tree = sqlglot.parse_one(standard, read="bigquery")
        rows = self.run("duckdb", tree.sql("duckdb"))
        again = [tuple(row) for row in self.sqlite.execute(_for_sqlite(tree).sql("sqlite"))]
        assert same_rows(rows, again), "the witnesses disagree"
        return rows

    def check(self, pair: dict[str, Any]) -> Verdict:
        """All checks of one pair."""
        expected = self.expected(pair["standard_sql"])
        verdict = Verdict(pair["query"], len(expected))
        texts: list[str] = []

        def converted() -> bool:
            texts.append(print_query(decompile(pair["standard_sql"], self.schema, "bigquery")))
            return True

        def attempt(name: str, action: Callable[[], bool]) -> None:
            try:
                verdict.holds[name] = action()
            except Exception as e:  # noqa: BLE001 (whatever goes wrong is the verdict)
                verdict.holds[name] = False
                verdict.faults.append(f"{name}: {type(e).__name__}: {str(e)[:200]}")

        attempt("pipes", converted)
        for text in texts:
            attempt("pure", lambda t=text: is_pure(parse(t)))
            attempt("google", lambda t=text: self.google.analyze(t) is None)
        for prefix, text in [*(("", t) for t in texts), ("pipe ", pair["pipe_sql"])]:
            for dialect in ("sqlite", "duckdb"):
                attempt(f"{prefix}{dialect}", lambda t=text, d=dialect: self.gives(t, d, expected))
        return verdict

    def gives(self, text: str, dialect: str, expected: Rows) -> bool:
        """Whether pipe text gives the rows, in order where its order is defined (ties as they come)."""
        query = parse(text)
        found = self.run(dialect, lower(query, self.schema, dialect))
        in_order = [row[:1] for row in found] == [row[:1] for row in expected]
        ordered = resolve(query, self.schema)[-1].ordered
        return same_rows(found, expected) and (in_order or not ordered)


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _copy(source: sqlite3.Connection, target: Any) -> None:
    """All tables, with DOUBLE for REAL, BIGINT for INTEGER."""
    for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = source.execute("SELECT name, type FROM pragma_table_info(?)", (name,)).fetchall()
        types = {"INTEGER": "BIGINT", "REAL": "DOUBLE"}
        target.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {types.get(t, t)}' for c, t in columns)})")
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(source.execute(f"SELECT * FROM {name}"))
            file.flush()
            target.execute(f"COPY {name} FROM '{file.name}' (HEADER false)")


def _for_sqlite(tree: exp.Expr) -> exp.Expr:
    """Dates as texts, their arithmetic done here, years by strftime."""

    def without_dates(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.is_type("date") and isinstance(node.this, exp.Literal):
            return node.this
        if isinstance(node, exp.DateAdd | exp.DateSub):
            start = date.fromisoformat(node.this.this.name)
            sign = 1 if isinstance(node, exp.DateAdd) else -1
            return exp.Literal.string(str(_later(start, sign * int(node.expression.name), node.text("unit").upper())))
        if isinstance(node, exp.Extract):
            assert node.name.upper() == "YEAR"
            return sqlglot.parse_one(f"CAST(strftime('%Y', {node.expression.sql('sqlite')}) AS INTEGER)", read="sqlite")
        return node

    return tree.transform(without_dates)


def _later(start: date, amount: int, unit: str) -> date:
    if unit == "DAY":
        return start + timedelta(days=amount)
    months = start.year * 12 + start.month - 1 + amount * {"MONTH": 1, "YEAR": 12}[unit]
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def verdicts(pairs: Path, database: Path) -> Iterator[Verdict]:
    """A verdict a pair."""
    bench = Bench(database)
    for line in pairs.read_text(encoding="utf-8").splitlines():
        yield bench.check(json.loads(line))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("database", type=Path)
    given = parser.parse_args()
    found = []
    for verdict in verdicts(given.pairs, given.database):
        print(verdict, flush=True)
        found.append(verdict)
    print(f"{len(found)} queries: " + ", ".join(f"{n} {sum(v.holds.get(n, False) for v in found)}" for n in CHECKS))
    sys.exit(not all(v.holds.get(n) for v in found for n in CHECKS))


if __name__ == "__main__":
    main()
