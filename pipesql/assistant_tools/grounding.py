"""Values of a database that a question mentions, so that a query can spell them as the database does.

A value matches where its words stand in the question one after another, in any case: `Which singers are from
the united states?` finds `singer.Country = 'United States'`. Longer matches win over those inside them. A value of a
single character must stand there in its own case, by itself ('F', not 'f' nor 'a'). Only text values
of up to `MAX_WORDS` words match, in columns of up to `MAX_VALUES` different ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pipesql.chat.prompts import Value, quoted
from pipesql.errors import ExecutionError
from pipesql.execution.connection import Connection, QueryLimits
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.schema import Column, Schema, Table

MAX_WORDS = 8
"""Longer values do not match."""
MAX_VALUES = 20_000
"""A column of more different texts (comments, keys) is left out."""
LIMITS = QueryLimits(timeout_s=10.0, max_rows=MAX_VALUES)
_COMMON_WORDS = """
a an and are as at by for from give have how in is it list many me name no not number of on or show that the their there
to total what when where which who with yes
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words of questions, not of databases: a value that is one of them matches only in its own case."""


@dataclass(frozen=True)
class ValueIndex:
    """The text values of one database by their words; and the columns that were left out, as `table.column`."""

    values: dict[tuple[str, ...], tuple[Value, ...]]
    left_out: tuple[str, ...] = ()


def matching_values(database: Database, question: str, per_column: int) -> list[Value]:
    """Up to `per_column` values of each column that stand in the question, in its order, longest first at each place.

    The same for the same database and question. 0 gives none. Raises BadInput for a database that cannot be read.
    """
    return matches(value_index(database), question, per_column) if per_column > 0 else []


def matches(index: ValueIndex, question: str, per_column: int) -> list[Value]:
    """The same with an index that was already read."""
    words = _words(question)
    lower = tuple(word.casefold() for word in words)
    found: list[Value] = []
    used: dict[tuple[str, str], int] = {}
    start = 0
    while start < len(words):
        length = next(
            (n for n in range(min(MAX_WORDS, len(words) - start), 0, -1) if lower[start : start + n] in index.values), 0
        )
        for value in index.values.get(lower[start : start + length], ()) if length else ():
            column = value[:2]
            if (
                value in found
                or used.get(column, 0) >= per_column
                or not _meant(value[2], words[start : start + length])
            ):
                continue
            used[column] = used.get(column, 0) + 1
            found.append(value)
        start += length or 1
    return found


def _meant(value: str, words: tuple[str, ...]) -> bool:
    """Common words and single characters count only in the value's own case."""
    plain = len(value) == 1 or value.casefold() in _COMMON
    return not plain or (value == words[0] and value != value.lower())


@lru_cache(maxsize=256)
def value_index(database: Database) -> ValueIndex:
    """The texts of a database by their words. Cached: the database must not change while this process runs."""
    schema = database.schema
    found: dict[tuple[str, ...], dict[Value, None]] = {}
    left_out = []
    with database.open(LIMITS) as connection:
        for table in schema:
            for column in table.columns:
                texts = _texts(connection, schema, table, column)
                if texts is None:
                    left_out.append(f"{table.name}.{column.name}")
                for text in texts or ():
                    words = tuple(word.casefold() for word in _words(text))
                    if 0 < len(words) <= MAX_WORDS:
                        found.setdefault(words, {})[(table.name, column.name, text)] = None
    return ValueIndex({words: tuple(values) for words, values in found.items()}, tuple(left_out))


def _texts(connection: Connection, schema: Schema, table: Table, column: Column) -> Iterable[str] | None:
    """The different texts of a column in order; None where there are too many, or they cannot be read in time."""
    name = f"{quoted(table.name)}.{quoted(column.name)}"
    query = parse(f"FROM {quoted(table.name)} |> WHERE {name} IS NOT NULL |> SELECT DISTINCT {name}")
    try:
        rows = connection.run(lower(query, schema, connection.dialect)).rows
    except ExecutionError:
        return None
    return sorted(value for (value,) in rows if isinstance(value, str) and not _is_number(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _words(text: str) -> tuple[str, ...]:
    """The words of a text: runs of letters and digits."""
    plain = unicodedata.normalize("NFKC", text)
    return tuple("".join(c if c.isalnum() else " " for c in plain).split())
