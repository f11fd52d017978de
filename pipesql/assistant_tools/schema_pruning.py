"""Schema pruning: the tables that a question is likely to need, for schemas that do not fit a model's context.

A table is ranked by the words that its name, its columns and those of its values that stand in the question share with
the question: each word counts by how few tables have it (inverse document frequency), one in the table's name twice,
one in the name of a column once. The most likely tables are kept as long as there is room, and with two of them
the tables on the shortest path of foreign keys between, without which they could not be joined. Order and columns stay
the schema's own.
"""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pipesql.chat.prompts import Value
from pipesql.pipe.schema import Schema, Table

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+|[^\W\d_]+")
"""The words of a name: `CustomerID`, `customer_id` and `customer id` all have two."""


def prune_schema(
    schema: Schema,
    question: str,
    cost: Callable[[Schema], int],
    budget: int,
    values: Sequence[Value] = (),
) -> Schema:
    """The schema of the most likely tables whose `cost` (of their schema as prompt text, in tokens) is within `budget`.

    `question` is the whole text, evidence included; `values` are values of the database that stand in it. The whole
    schema where it fits; at least one table.
    """
    if cost(schema) <= budget:
        return schema
    ranked = rank_tables(schema, question, values)
    kept = {ranked[0].name}
    for table in ranked[1:]:
        wider = kept | {table.name} | set(_between(schema, table.name, kept))
        for names in (wider, kept | {table.name}):
            if cost(_only(schema, names)) <= budget:
                kept = names
                break
    return _only(schema, kept)


def rank_tables(schema: Schema, question: str, values: Sequence[Value] = ()) -> list[Table]:
    """All tables, the most likely first; equal ones in the schema's order."""
    wanted = Counter(words(question))
    names = {table.name: Counter(words(table.name)) for table in schema}
    columns = {table.name: Counter(w for c in table.columns for w in words(c.name)) for table in schema}
    spread = Counter(word for table in schema for word in {*names[table.name], *columns[table.name]})
    count = len(schema.tables)
    valued = Counter(table for table, _, _ in values)

    def rank(table: Table) -> float:
        total = float(valued[table.name])
        for word in wanted:
            weight = math.log((1 + count) / spread[word]) if spread[word] else 0.0
            total += weight * (2 * (word in names[table.name]) + (word in columns[table.name]))
        return total

    return sorted(schema, key=lambda table: -rank(table))


def words(text: str) -> Iterator[str]:
    """The words of a name or a sentence, lower case, in the singular as far as the English ending shows."""
    for part in _PART.findall(text):
        word = part.lower()
        if len(word) > 4 and word.endswith("ies"):
            word = word[:-3] + "y"
        elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
            word = word[:-1]
        yield word


def _between(schema: Schema, start: str, ends: set[str]) -> list[str]:
    """The tables on the shortest path of foreign keys from `start` to any of `ends`, neither end included."""
    joined: dict[str, set[str]] = {table.name: set() for table in schema}
    for table in schema:
        for key in table.foreign_keys:
            other = schema.table(key.ref_table)
            if other is not None and other.name != table.name:
                joined[table.name].add(other.name)
                joined[other.name].add(table.name)
    came_from: dict[str, str] = {start: ""}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here in ends:
            path = []
            while here := came_from[here]:
                path.append(here)
            return path[:-1]
        for name in sorted(joined[here] - came_from.keys()):
            came_from[name] = here
            waiting.append(name)
    return []


def _only(schema: Schema, names: set[str]) -> Schema:
    """The schema of these tables, without foreign keys to others."""
    kept = {name.lower() for name in names}
    tables = tuple(
        replace(table, foreign_keys=tuple(key for key in table.foreign_keys if key.ref_table.lower() in kept))
        for table in schema
        if table.name.lower() in kept
    )
    return replace(schema, tables=tables)
