"""Do the operators written so far hold? The same parser and name resolution as in validation and execution."""

from __future__ import annotations

from collections.abc import Sequence

from pipesql.errors import SqlError
from pipesql.pipe.parser import parse
from pipesql.pipe.purity import require_pure
from pipesql.pipe.resolve import resolve
from pipesql.pipe.schema import Schema


def check_operators(schema: Schema, operators: Sequence[str]) -> str | None:
    """The sentence of the first error in these operators on this schema, or None when they parse and resolve."""
    try:
        query = parse("\n".join(operators))
        require_pure(query)
        resolve(query, schema)
    except SqlError as error:
        return str(error)
    return None
