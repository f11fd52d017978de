"""Perturbed copies of a database, which expose queries that are right only by luck of the data.

A wrong query often returns the right rows on the one database it is tried on: no NULLs in the column, no duplicates,
every foreign key matched, an empty result. A perturbed copy breaks such luck: some rows are dropped, some doubled, some
values made NULL, values moved within their column, rows that queries look for are added (`value_seeding`), and tables
without rows are filled.

Primary keys stay unique (the first column counts as the key of a table that declares none, where its values are all
different): `GROUP BY id` with a name in the output has one answer only while an id has one name. Nothing else is
preserved: the copy has the column names, affinities and views of its source, but no constraints, indexes or triggers.

Copies are made from a seed: the same file, seed and values give the same copy.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.execution.connection import DEFAULT_LIMITS, QueryLimits
from pipesql.execution.sqlite import SqliteConnection, decode, open_read_only
from pipesql.execution.value_seeding import Literal, Row, RowValues, SeedValues, seed_rows

COPIED_ROWS = 2_000
"""Rows of each table that a perturbed copy takes, from the table's start: enough to tell queries apart, and quick."""
REVERSED_ROWS = 100_000
"""The same for a copy that is only reversed."""

_DROPPED = 0.10
_DOUBLED = 0.10
_NULLED = 0.04
_MOVED = 0.10
_FILLED_ROWS = 40
_FILLED_NUMBERS = (1, 2, 3, 4, 5, 6, 7)
_FILLED_LITERALS = 0.5


@dataclass(frozen=True)
class TableShape:
    """The shape of a table in a copy: name, column names, their affinities, positions of the key's columns."""

    name: str
    columns: tuple[str, ...]
    affinities: tuple[str, ...]
    key: tuple[int, ...]


_Change = Callable[[TableShape, list[Row], random.Random], list[Row]]


def perturbed(
    path: Path,
    seed: int = 0,
    values: SeedValues | None = None,
    *,
    reverse: bool = False,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> SqliteConnection:
    """Open an in-memory perturbed copy of the SQLite file `path`, with the guards of `SqliteConnection`.

    `values` are what queries on this database compare with. `reverse` stores the same perturbed rows of each table in
    reverse order: a query that gives another result there depends on what SQL leaves open.
    Raises BadInput when the file cannot be read.
    """
    wanted = values or SeedValues()

    def change(shape: TableShape, rows: list[Row], chance: random.Random) -> list[Row]:
        rows = perturb_rows(rows, shape.key, chance) if rows else fill(shape, wanted.literals, chance)
        rows = seeded(shape, rows, wanted.rows, chance)
        return rows[::-1] if reverse else rows

    return SqliteConnection.adopt(_copy(path, seed, COPIED_ROWS, change), path, limits)


def reversed_rows(path: Path, limits: QueryLimits = DEFAULT_LIMITS) -> SqliteConnection:
    """Open an in-memory copy with the rows of `path`, each table's in reverse order, and without indexes.

    They are reversed, not shuffled, so that which of two tied rows comes first surely changes.
    """

    def change(_shape: TableShape, rows: list[Row], _chance: random.Random) -> list[Row]:
        return rows[::-1]

    return SqliteConnection.adopt(_copy(path, 0, REVERSED_ROWS, change), path, limits)


def _copy(path: Path, seed: int, limit: int, change: _Change) -> sqlite3.Connection:
    source = open_read_only(path)
    copy = sqlite3.connect(":memory:", isolation_level=None)
    copy.text_factory = decode
    try:
        for shape in _shapes(source, limit):
            listed = ", ".join(map(quote, shape.columns))
            rows = [list(r) for r in source.execute(f"SELECT {listed} FROM {quote(shape.name)} LIMIT {limit}")]
            # One generator a table, so that a change in one table leaves the others as they were.
            _write(copy, shape, change(shape, rows, random.Random(f"{seed}/{shape.name.lower()}")))
        for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid").fetchall():
            copy.execute(sql)
    except BaseException:
        copy.close()
        raise
    finally:
        source.close()
    return copy


def _shapes(source: sqlite3.Connection, limit: int) -> list[TableShape]:
    names = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY rowid")
    shapes = []
    for (name,) in names.fetchall():
        if name.lower().startswith("sqlite_"):
            continue
        info = source.execute("SELECT name, type, pk FROM pragma_table_xinfo(?)", (name,)).fetchall()
        columns = tuple(column for column, _, _ in info)
        key = tuple(i for i, (_, _, pk) in enumerate(info) if pk)
        if not key:
            first, table = quote(columns[0]), quote(name)
            rows, different = source.execute(
                f"SELECT COUNT(*), COUNT(DISTINCT {first}) FROM (SELECT {first} FROM {table} LIMIT {limit})"
            ).fetchone()
            key = (0,) if rows == different else ()
        shapes.append(TableShape(name, columns, tuple(affinity(declared or "") for _, declared, _ in info), key))
    return shapes


def _write(copy: sqlite3.Connection, shape: TableShape, rows: list[Row]) -> None:
    definitions = ", ".join(f"{quote(c)} {kind}" for c, kind in zip(shape.columns, shape.affinities, strict=True))
    copy.execute(f"CREATE TABLE {quote(shape.name)} ({definitions})")
    copy.execute("BEGIN")
    copy.executemany(f"INSERT INTO {quote(shape.name)} VALUES ({', '.join('?' * len(shape.columns))})", rows)
    copy.execute("COMMIT")


def perturb_rows(rows: list[Row], key: tuple[int, ...], chance: random.Random) -> list[Row]:
    """Rows with about a tenth dropped, a tenth doubled, values moved within columns, and some made NULL."""
    kept = [row for row in rows if chance.random() >= _DROPPED] or rows[:1]
    doubled = [list(row) for row in chance.sample(kept, max(1, round(len(kept) * _DOUBLED)))]
    if key:
        _renew(doubled, key[0], rows)
    result = [list(row) for row in kept] + doubled
    for column in range(len(result[0])):
        if column in key:
            continue
        moved = [i for i in range(len(result)) if chance.random() < _MOVED]
        values = [result[i][column] for i in moved]
        chance.shuffle(values)
        for i, value in zip(moved, values, strict=True):
            result[i][column] = value
        for row in result:
            if chance.random() < _NULLED:
                row[column] = None
    return result


def seeded(shape: TableShape, rows: list[Row], wanted: Sequence[RowValues], chance: random.Random) -> list[Row]:
    """The rows with some that meet the conditions of queries; new ones have keys of their own."""

    def renew(added: list[Row]) -> None:
        if shape.key:
            _renew(added, shape.key[0], rows)

    return seed_rows(shape.columns, shape.key, rows, wanted, chance, renew)


def _renew(doubled: list[Row], column: int, rows: list[Row]) -> None:
    """Give doubled rows new keys."""
    used = [row[column] for row in rows]
    top = max((int(v) for v in used if isinstance(v, int | float)), default=0)
    for number, row in enumerate(doubled, 1):
        value = row[column]
        row[column] = top + number if isinstance(value, int | float) or value is None else f"{value} ({number})"


def fill(shape: TableShape, literals: Sequence[Literal], chance: random.Random) -> list[Row]:
    """Rows for an empty table: small numbers, so that joins find partners, and the values that queries look for."""
    texts = [v for v in literals if isinstance(v, str)] or ["a", "b"]
    numbers = [v for v in literals if not isinstance(v, str)] or [0]

    def value(position: int, row: int) -> Any:
        kind = shape.affinities[position]
        if shape.key[:1] == (position,):
            return str(row) if kind == "TEXT" else row
        if chance.random() < _NULLED:
            return None
        if kind == "TEXT":
            return chance.choice(texts) if chance.random() < _FILLED_LITERALS else str(chance.choice(_FILLED_NUMBERS))
        return chance.choice(numbers) if chance.random() < _FILLED_LITERALS / 2 else chance.choice(_FILLED_NUMBERS)

    return [[value(i, row) for i in range(len(shape.columns))] for row in range(1, _FILLED_ROWS + 1)]


def affinity(declared: str) -> str:
    """The affinity that SQLite gives a column of this declared type, by the rules of its manual, in their order."""
    kind = declared.upper()
    if "INT" in kind:
        return "INTEGER"
    if any(part in kind for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not kind or "BLOB" in kind:
        return "BLOB"
    if any(part in kind for part in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"


def quote(name: str) -> str:
    """A name as a SQLite identifier."""
    return '"' + name.replace('"', '""') + '"'
