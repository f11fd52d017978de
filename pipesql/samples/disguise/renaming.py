"""A schema, and a query on it, in which all names are other names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from pipesql.pipe.identifiers import identifier
from pipesql.pipe.query import PipeQuery, nest, nested
from pipesql.pipe.schema import Schema, Table

Rename = Callable[[str], str]

_NO_NAMES = frozenset(["kind", "matching", "method", "nulls", "shape", "side", "unit", "weight"])
"""Fields of operators that hold words of the language."""


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
    """The query with other names: of tables and columns, and those that it gives itself."""
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
