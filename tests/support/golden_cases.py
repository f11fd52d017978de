"""Cases in text files: a gold query, the pipe text it becomes, the SQL that is lowered to, the rows.

A file holds sections `--- case: NAME`, each with the parts `--- gold`, `--- pipe`, `--- sql`, `--- rows`, or, for a
query that has no pipe form, `--- gold` and `--- refused` with the sentence. A first part `--- dialect` says that the
gold is not SQLite's, and which engine runs it.
"""

from __future__ import annotations

import importlib.util
import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipesql.execution.compare import compare
from pipesql.execution.connection import Result

FOLDER = Path(__file__).parents[1] / "pipe" / "golden"


@dataclass
class Case:
    """One case; `parts` in the order in which they are written."""

    name: str
    parts: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return "\n".join([f"--- case: {self.name}", *(f"--- {k}\n{v}" for k, v in self.parts.items())]) + "\n"


def files() -> list[Path]:
    """The files of cases, in order of their names."""
    return sorted(p for p in FOLDER.glob("*.sql") if p.name != "database.sql")


def read(path: Path) -> list[Case]:
    """The cases of a file."""
    cases: list[Case] = []
    part = ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("--- case: "):
            cases.append(Case(line.removeprefix("--- case: ")))
        elif line.startswith("--- "):
            part = line.removeprefix("--- ")
            cases[-1].parts[part] = ""
        else:
            cases[-1].parts[part] += line + "\n"
    for case in cases:
        case.parts = {name: text.strip("\n") for name, text in case.parts.items()}
    return cases


def build(folder: Path) -> Path:
    """A SQLite file with the tables of all cases."""
    path = folder / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((FOLDER / "database.sql").read_text(encoding="utf-8"))
    connection.close()
    return path


class Engines:
    """SQLite and DuckDB with the tables of all cases."""

    def __init__(self, path: Path) -> None:
        self.sqlite = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.duckdb: Any = None
        if importlib.util.find_spec("duckdb") is not None:
            self.duckdb = importlib.import_module("duckdb").connect()
            self.duckdb.execute((FOLDER / "database.sql").read_text(encoding="utf-8"))

    def run(self, sql: str, dialect: str) -> list[tuple]:
        """The rows of a query. Raises ModuleNotFoundError where its engine is not installed."""
        engine = self.sqlite if dialect == "sqlite" else self.duckdb
        if engine is None:
            raise ModuleNotFoundError("DuckDB is not installed: pip install 'pipesql[train]'")
        return engine.execute(sql).fetchall()

    def close(self) -> None:
        """Close both."""
        self.sqlite.close()
        if self.duckdb is not None:
            self.duckdb.close()


def same(case: Case, rows: list[tuple], ordered: bool, engines: Engines) -> bool:
    """Whether another engine's rows are those of the gold; in its order, ties free, if `ordered`."""
    gold, dialect = case.parts["gold"], case.parts.get("dialect", "sqlite")
    expected = engines.run(gold, dialect)
    if alike(rows, expected, ordered) or not ordered or dialect != "sqlite":
        return alike(rows, expected, ordered)
    columns = tuple(map(str, range(len(expected[0]) if expected else 0)))

    def run(sql: str) -> Result:
        return Result(columns, engines.run(sql, dialect), 0.0)

    return compare(gold, run(gold), Result(columns, rows, 0.0), run) is None


def alike(left: list[tuple], right: list[tuple], ordered: bool) -> bool:
    """Whether two engines' rows are the same: numbers by value to nine digits, in their order if it means something."""
    shapes = [[tuple(map(_comparable, row)) for row in rows] for rows in (left, right)]
    return shapes[0] == shapes[1] if ordered else sorted(shapes[0], key=repr) == sorted(shapes[1], key=repr)


def _comparable(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return float(f"{float(value):.9g}") if isinstance(value, int | float | Decimal) else str(value)


def text(cases: list[Case]) -> str:
    """The cases as a file holds them."""
    return "\n".join(case.text() for case in cases)


def shown(rows: list[tuple]) -> str:
    """Rows, one a line."""
    return "\n".join(" | ".join("NULL" if v is None else repr(v) for v in row) for row in rows) or "(none)"
