"""In-memory copies of a DuckDB file with perturbed or reversed rows, as `perturb` makes them of SQLite files.

A copy has the column names, types and views of its source, but no constraints or indexes; views that need more than
the schema `main` are left out. The same file, seed and values give the same copy.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from pipesql.errors import InvalidFile
from pipesql.execution.connection import DEFAULT_LIMITS, QueryLimits
from pipesql.execution.duckdb import DuckDbConnection, open_in_memory, open_read_only, read_duckdb_schema
from pipesql.execution.perturb import COPIED_ROWS, REVERSED_ROWS, TableShape, fill, perturb_rows, quote, seeded
from pipesql.execution.value_seeding import Row, SeedValues
from pipesql.pipe.schema import Table

_DAYS = {str(day): f"2020-01-0{day}" for day in range(1, 10)}
_Copier = Callable[[Any, Table], None]


def perturbed_duckdb(
    path: Path,
    seed: int = 0,
    values: SeedValues | None = None,
    *,
    reverse: bool = False,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> DuckDbConnection:
    """Open a perturbed copy; parameters as for `perturb.perturbed`. Raises InvalidFile when the file cannot be read."""
    wanted = values or SeedValues()

    def copy_table(copy: Any, table: Table) -> None:
        name, shape = quote(table.name), _shape(copy, table)
        rows = [list(row) for row in copy.execute(f"SELECT * FROM source.main.{name} LIMIT {COPIED_ROWS}").fetchall()]
        chance = random.Random(f"{seed}/{table.name.lower()}")
        new = perturb_rows(rows, shape.key, chance) if rows else fill(shape, wanted.literals, chance)
        new = _with_keys(seeded(shape, new, wanted.rows, chance), rows, shape.key)
        copy.execute(f"CREATE TABLE {name} AS SELECT * FROM source.main.{name} LIMIT 0")
        _insert(copy, table, new[::-1] if reverse else new)

    return DuckDbConnection.adopt(_copy(path, copy_table), path, limits)


def reversed_duckdb(path: Path, limits: QueryLimits = DEFAULT_LIMITS) -> DuckDbConnection:
    """Open a copy with the rows of `path`, each table's in reverse order. Raises InvalidFile as `perturbed_duckdb`."""

    def copy_table(copy: Any, table: Table) -> None:
        name = quote(table.name)
        copy.execute(
            f"CREATE TABLE {name} AS SELECT * EXCLUDE (pipesql_place) FROM (SELECT *, ROW_NUMBER() OVER () AS "
            f"pipesql_place FROM source.main.{name} LIMIT {REVERSED_ROWS}) ORDER BY pipesql_place DESC"
        )

    return DuckDbConnection.adopt(_copy(path, copy_table), path, limits)


def _copy(path: Path, copy_table: _Copier) -> Any:
    open_read_only(path).close()  # explains what is wrong with the file, if anything
    schema = read_duckdb_schema(path)
    copy = open_in_memory()
    try:
        file = str(path).replace("'", "''")
        copy.execute(f"ATTACH '{file}' AS source (READ_ONLY)")
        views = dict(
            copy.execute(
                "SELECT view_name, sql FROM duckdb_views() WHERE database_name = 'source' AND schema_name = 'main' "
                "AND NOT internal ORDER BY view_oid"
            ).fetchall()
        )
        for table in schema:
            if table.name not in views:
                copy_table(copy, table)
        copy.execute("DETACH source")
        for sql in views.values():
            with contextlib.suppress(duckdb.Error):
                copy.execute(sql)
    except duckdb.Error as e:
        copy.close()
        raise InvalidFile(f"database {path} cannot be copied into memory: {e}") from e
    except BaseException:
        copy.close()
        raise
    return copy


def _shape(copy: Any, table: Table) -> TableShape:
    """The shape that `perturb` needs: TEXT for types that can be filled with text, INTEGER for all others."""
    names = tuple(c.name for c in table.columns)
    key = tuple(i for i, c in enumerate(table.columns) if c.primary_key)
    if not key:
        first = quote(names[0])
        rows, different = copy.execute(
            f"SELECT COUNT(*), COUNT(DISTINCT {first}) FROM "
            f"(SELECT {first} FROM source.main.{quote(table.name)} LIMIT {COPIED_ROWS})"
        ).fetchone()
        key = (0,) if rows == different else ()
    textual = ("VARCHAR", "DATE", "TIME", "ENUM", "UUID", "BLOB", "JSON")
    return TableShape(
        table.name, names, tuple("TEXT" if c.type.startswith(textual) else "INTEGER" for c in table.columns), key
    )


def _with_keys(new: list[Row], old: list[Row], key: tuple[int, ...]) -> list[Row]:
    """The rows without new ones that got a text for a key of another type, such as a date: they would have no key."""
    if not key or not old or isinstance(old[0][key[0]], str):
        return new
    return [row for row in new if not isinstance(row[key[0]], str)]


def _insert(copy: Any, table: Table, rows: list[Row]) -> None:
    columns = range(len(table.columns))
    listed = ", ".join(f"UNNEST(${i + 1}) AS c{i}" for i in columns)
    cast = ", ".join(_cast(f"c{i}", table.columns[i].type) for i in columns)
    values = [_of_one_type([row[i] for row in rows]) for i in columns]
    copy.execute(f"INSERT INTO {quote(table.name)} SELECT {cast} FROM (SELECT {listed})", values)


def _of_one_type(values: list[Any]) -> list[Any]:
    """Values of several types (seeded or filled in) as texts, which are converted to the column's type on insertion."""
    if len({type(v) for v in values if v is not None}) <= 1:
        return values
    return [None if v is None else str(v) for v in values]


def _cast(value: str, kind: str) -> str:
    if kind.startswith(("DATE", "TIMESTAMP")):  # small numbers, with which empty tables are filled, become days
        days = ", ".join(f"'{number}': '{day}'" for number, day in _DAYS.items())
        value = f"COALESCE(MAP {{{days}}}[CAST({value} AS VARCHAR)], CAST({value} AS VARCHAR))"
    return f"TRY_CAST({value} AS {kind})"
