"""The tables that random queries read: NULLs, duplicate rows, ties, empty texts, names that need quotes.

Numbers are whole or multiples of a quarter, so that sums are exact in any order; texts have no letters beyond ASCII
that have a case, since LOWER and UPPER of those are known to differ between engines.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INT, REAL, TEXT, DATE = "int", "real", "text", "date"
DECLARED = {INT: "BIGINT", REAL: "DOUBLE", TEXT: "TEXT", DATE: "TEXT"}


@dataclass(frozen=True)
class Spec:
    """One table: columns with kinds, the column that no two rows share (or none), the most rows it gets."""

    name: str
    columns: tuple[tuple[str, str], ...]
    unique: str = ""
    rows: int = 8


SPECS = (
    Spec(
        "singer",
        (("singer_id", INT), ("name", TEXT), ("age", INT), ("country", TEXT), ("rating", REAL)),
        unique="singer_id",
    ),
    Spec(
        "concert",
        (("concert_id", INT), ("singer_id", INT), ("year", INT), ("hall", TEXT), ("day", DATE), ("price", REAL)),
        rows=12,
    ),
    Spec("hall", (("hall", TEXT), ("seats", INT))),
    Spec(
        "order",
        (("group", INT), ("Select", TEXT), ("first name", TEXT), ("1st", INT), ("net (%)", REAL), ("order", INT)),
        unique="order",
    ),
    Spec("Odd Table", (("ID", INT), ("näive", TEXT), ("it's", INT), ("singer", TEXT), ("Date", DATE)), unique="ID"),
)
POOL: dict[str, list[Any]] = {
    INT: [0, 1, 2, 3, 7, 25, 31, 47, 900, 2014, 2015, -1, -7],
    REAL: [0.0, 1.25, 3.0, 4.5, -0.75, 20.0, 35.5],
    TEXT: [
        "Ann",
        "ann",
        "Bob",
        "Cem",
        "D'Or",
        "France",
        "Chile",
        "Opera",
        "Arena",
        "",
        "7",
        "a b",
        "東京",
        "x_y",
        "5%",
    ],
    DATE: ["2014-05-01", "2014-12-31", "2015-01-01", "2016-02-29"],
}
NARROW: dict[str, list[Any]] = {"singer_id": [1, 2, 3, 4, 9], "group": [1, 2], "country": ["France", "Chile", "Peru"]}


def rows(spec: Spec, chance: random.Random) -> list[tuple[Any, ...]]:
    """Random rows, some of them twice; sometimes none."""
    out: list[tuple[Any, ...]] = []
    for number in range(chance.choice([0, *range(2, spec.rows + 1)] * 2 + [spec.rows])):
        if out and not spec.unique and chance.random() < 0.2:
            out.append(chance.choice(out))
            continue
        values = []
        for name, kind in spec.columns:
            value = chance.choice(NARROW.get(name) or POOL[kind])
            null = chance.random() < 0.2
            values.append(number + 1 if name == spec.unique else None if null else value)
        out.append(tuple(values))
    return out


class Data:
    """Random rows for every table; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.rows = {spec.name: rows(spec, chance) for spec in SPECS}

    def fill(self, connection: Any) -> None:
        """Create and fill the tables on a connection of SQLite or DuckDB."""
        for spec in SPECS:
            columns = ", ".join(f'"{name}" {DECLARED[kind]}' for name, kind in spec.columns)
            connection.execute(f'CREATE TABLE "{spec.name}" ({columns})')
            marks = ", ".join("?" * len(spec.columns))
            for row in self.rows[spec.name]:
                connection.execute(f'INSERT INTO "{spec.name}" VALUES ({marks})', row)

    def save(self, path: Path) -> Path:
        """Write a SQLite file."""
        connection = sqlite3.connect(path)
        self.fill(connection)
        connection.commit()
        connection.close()
        return path
