"""One standard query through the whole compiler: decompile, print, parse, lower, execute on SQLite and on DuckDB."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipesql.decompile import decompile
from pipesql.errors import ExecutionError, PipesqlError, UnsupportedSql
from pipesql.execution.compare import compare
from pipesql.execution.connection import Result
from pipesql.execution.database import Database
from pipesql.execution.sqlite import SqliteConnection
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from tests.support.queries.tables import Data

SAME, REFUSED, UNDECIDED, OTHER_ENGINE, GOLD_FAILS = "same", "refused", "undecided", "engine", "gold fails"
FAULT = "FAULT"

#: Why a query may be refused, or go without DuckDB's rows.
KNOWN = frozenset(
    {
        "a division whose operands may be integers or not",
        "comparisons in a row without brackets",
        "DuckDB's optimizer changes the rows of the query",
        "DuckDB takes an inner query's column for the outer table that is called like it",
    }
)


@dataclass
class Outcome:
    """What became of a query. `reason` says what was refused or went wrong; `texts` are the forms it took."""

    kind: str
    reason: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    duckdb: bool = False
    prefixes: int = 0

    @property
    def sound(self) -> bool:
        """Whether this is as it should be: the same rows, or a refusal for a reason that is known and documented."""
        return self.kind in (SAME, UNDECIDED) or (self.kind in (REFUSED, OTHER_ENGINE) and self.reason in KNOWN)

    def __str__(self) -> str:
        shown = "".join(f"\n  {name}: {text}" for name, text in self.texts.items())
        return f"{self.kind} {self.reason}{shown}"


class Bench:
    """The same random tables in SQLite and, where it is installed, DuckDB."""

    def __init__(self, seed: int, folder: Path) -> None:
        data = Data(seed)
        path = data.save(folder / f"tables-{seed}.sqlite")
        self.schema = Database(path).schema
        self.sqlite = SqliteConnection(path)
        self.duckdb = _duckdb(data)

    def close(self) -> None:
        """Close both databases."""
        self.sqlite.close()
        if self.duckdb is not None:
            self.duckdb.close()

    def check(self, sql: str, prefixes: bool = False) -> Outcome:
        """The outcome for one query. `prefixes` also runs every prefix of the pipe text on SQLite."""
        texts = {"gold": sql}
        try:
            gold = self.sqlite.run(sql)
        except ExecutionError as e:
            return Outcome(GOLD_FAILS, str(e), texts)
        try:
            return self._compiled(sql, gold, texts, prefixes)
        except PipesqlError as e:
            return Outcome(FAULT, f"our own text: {type(e).__name__}: {e}", texts)
        except Exception as e:  # noqa: BLE001 (a foreign exception is what this looks for)
            return Outcome(FAULT, f"foreign exception {type(e).__name__}: {e}", texts)

    def _compiled(self, sql: str, gold: Result, texts: dict[str, str], prefixes: bool) -> Outcome:
        try:
            text = print_query(decompile(sql, self.schema))
        except UnsupportedSql as e:
            return Outcome(REFUSED, e.construct, texts)
        texts["pipe"] = text
        query = parse(text)
        if print_query(query) != text:
            return Outcome(FAULT, f"print of parse differs: {print_query(query)}", texts)
        texts["sqlite"] = lower(query, self.schema)
        found = compare(sql, gold, self.sqlite.run(texts["sqlite"]), self.sqlite.run)
        if found not in (None, "undecidable"):
            return Outcome(
                FAULT, f"SQLite: {found} differ: {gold.rows[:5]} and {self.sqlite.run(texts['sqlite']).rows[:5]}", texts
            )
        count = 0
        for prefix in query.prefixes() if prefixes else ():
            count += 1
            texts["prefix"] = print_query(prefix)
            self.sqlite.run(lower(parse(texts["prefix"]), self.schema))
        texts.pop("prefix", None)
        outcome = self._on_duckdb(sql, gold, texts) if self.duckdb is not None else Outcome(SAME)
        if outcome.kind == SAME and found:
            outcome = Outcome(UNDECIDED, "ties at a LIMIT", texts, outcome.duckdb)
        outcome.prefixes = count
        return outcome

    def _on_duckdb(self, sql: str, gold: Result, texts: dict[str, str]) -> Outcome:
        import duckdb

        try:
            texts["duckdb"] = lower(parse(texts["pipe"]), self.schema, "duckdb")
        except UnsupportedSql as e:
            return Outcome(OTHER_ENGINE, f"lowering refuses {e.construct}", texts)
        try:
            rows = self.duckdb.execute(texts["duckdb"]).fetchall()
        except duckdb.Error as e:
            return Outcome(OTHER_ENGINE, _reason(str(e)), texts)
        found = compare(sql, gold, Result(gold.columns, _plain(rows), 0.0), self.sqlite.run)
        if found in (None, "undecidable"):
            return Outcome(
                SAME if found is None else UNDECIDED, "" if found is None else "ties at a LIMIT", texts, duckdb=True
            )
        if self._as_written(texts["duckdb"]) != sorted(map(repr, rows)):
            return Outcome(OTHER_ENGINE, "DuckDB's optimizer changes the rows of the query", texts)
        return Outcome(FAULT, f"DuckDB: {found} differ: {gold.rows[:5]} and {rows[:5]}", texts)

    def _as_written(self, sql: str) -> list[str]:
        """DuckDB's rows without its optimizer."""
        self.duckdb.execute("PRAGMA disable_optimizer")
        try:
            return sorted(map(repr, self.duckdb.execute(sql).fetchall()))
        finally:
            self.duckdb.execute("PRAGMA enable_optimizer")


def _reason(message: str) -> str:
    """Why DuckDB refuses a query; `hall.hall` of a table around a query that reads a column `hall` has a name."""
    if "Cannot extract field" in message or "Ambiguous reference to column name" in message:
        return "DuckDB takes an inner query's column for the outer table that is called like it"
    return message.partition("\n")[0]


def _plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """DuckDB's booleans as SQLite's 0 and 1."""
    return [tuple(int(v) if isinstance(v, bool) else v for v in row) for row in rows]


def _duckdb(data: Data) -> Any:
    try:
        import duckdb
    except ModuleNotFoundError:
        return None
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    data.fill(connection)
    return connection


@contextlib.contextmanager
def bench(seed: int) -> Iterator[Bench]:
    """A bench in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        opened = Bench(seed, Path(folder))
        try:
            yield opened
        finally:
            opened.close()
