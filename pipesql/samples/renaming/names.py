"""Renamed schemas and queries, and the words that names and questions consist of.

A word is known by its stem, which is the word without a regular plural ending, so that `singers` in a question and
`singer_id` in a schema are changed alike, each in its own number and case.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from pipesql.pipe.identifiers import identifier
from pipesql.pipe.query import PipeQuery, nest, nested
from pipesql.pipe.schema import Schema, Table

Rename = Callable[[str], str]

_NO_NAMES = frozenset(["kind", "matching", "method", "nulls", "shape", "side", "unit", "weight"])
"""Fields of operators that hold keywords, not names."""


def renamed_schema(schema: Schema, rename: Rename) -> Schema:
    """The schema with other names of tables and columns, in the same order."""

    def table(old: Table) -> Table:
        columns = tuple(dataclasses.replace(column, name=rename(column.name)) for column in old.columns)
        keys = tuple(
            dataclasses.replace(
                key, column=rename(key.column), ref_table=rename(key.ref_table), ref_column=rename(key.ref_column)
            )
            for key in old.foreign_keys
        )
        return dataclasses.replace(old, name=rename(old.name), columns=columns, foreign_keys=keys)

    return dataclasses.replace(schema, tables=tuple(map(table, schema)))


def renamed_query(query: PipeQuery, rename: Rename) -> PipeQuery:
    """The query with other names of tables and columns, and of those that it defines itself."""
    found: PipeQuery = _renamed(query, rename)
    return found


def _renamed(value: Any, rename: Rename) -> Any:
    """Operators are data classes of expressions, names, and tuples of either."""
    if isinstance(value, exp.Expr):
        return value.transform(_renamed_node, rename)
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, tuple):
        return type(value)(_renamed(part, rename) for part in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    names = (field.name for field in dataclasses.fields(value) if field.name not in _NO_NAMES)
    return dataclasses.replace(value, **{name: _renamed(getattr(value, name), rename) for name in names})


def _renamed_node(node: exp.Expr, rename: Rename) -> exp.Expr:
    if isinstance(node, exp.Identifier):
        return identifier(rename(node.name))
    if (query := nested(node)) is not None:
        return nest(renamed_query(query, rename))
    return node


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWELS = "aeiou"


def words(text: str) -> Iterator[str]:
    """The words of a name or of a question in lower case: `song`, `Name` of `songName`, `song_name` and `song name`."""
    return (match.group().lower() for match in _WORDS.finditer(text))


def stems(text: str) -> set[str]:
    """The stems of its words."""
    return {stem(word) for word in words(text)}


def stem(word: str) -> str:
    """A word in lower case without its regular plural ending."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1]


def plural(word: str) -> str:
    """The regular plural of a stem."""
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def changed(text: str, others: Mapping[str, str]) -> str:
    """The text with other words, given by stem, in the number and case of those that they replace."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        found = others.get(stem(word.lower()))
        if found is None:
            return word
        if stem(word.lower()) != word.lower():
            found = plural(found)
        return found.upper() if word.isupper() and len(word) > 1 else found.capitalize() if word[0].isupper() else found

    return _WORDS.sub(other, text)
