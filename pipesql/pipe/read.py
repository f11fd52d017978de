"""Pipe SQL that a model or a person wrote, read as it is judged: pure, and with its names looked up on a schema."""

from __future__ import annotations

from collections.abc import Sequence

from pipesql.errors import SqlError
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse, parse_operators
from pipesql.pipe.resolving.resolve import resolve_names
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import require_pure


def read_text(text: str) -> PipeQuery:
    """The query that the text is. Raises SqlSyntaxError, for a standard SELECT in it as well, and UnsupportedSql."""
    query = parse(text)
    require_pure(query)
    return query


def read(operators: Sequence[str], schema: Schema) -> Resolved:
    """The query that these operators are, with the meaning of its names: `query` is it, `written` its scopes.

    Raises SqlSyntaxError, for a standard SELECT in it as well, UnknownName, and SqlError for what cannot stand.
    """
    query = parse_operators(operators)
    require_pure(query)
    return resolve_names(query, schema)


def error_in(operators: Sequence[str], schema: Schema) -> str | None:
    """The sentence of the first error in these operators on this schema, or None when they parse and resolve."""
    try:
        read(operators, schema)
    except SqlError as error:
        return str(error)
    return None
