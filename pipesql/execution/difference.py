"""In what do two sets of rows differ? Asked once `compare` has said that they do.

The kinds, the first that holds:

`types`         the same values in other storage classes: 1 and '1', text and blob
`multiplicity`  the same rows, but not as often
`extra`         all of the gold's rows, and others
`missing`       only rows of the gold, but not all
`values`        anything else
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipesql.execution.compare import contains_rows, same_rows

KINDS = ("columns", "types", "multiplicity", "extra", "missing", "values", "order", "undecidable")
"""All kinds of a mismatch: of rows by this module, `columns`, `order` and `undecidable` by `compare`."""

Row = tuple[Any, ...]


def row_difference(gold: Sequence[Row], other: Sequence[Row]) -> str:
    """The kind of difference between two multisets of rows of one width that are not the same."""
    if same_rows([_untyped(row) for row in gold], [_untyped(row) for row in other]):
        return "types"
    if same_rows(list(dict.fromkeys(gold)), list(dict.fromkeys(other))):
        return "multiplicity"
    if contains_rows(other, gold):
        return "extra"
    return "missing" if contains_rows(gold, other) else "values"


def _untyped(row: Row) -> Row:
    return tuple(map(_plain, row))


def _plain(value: Any) -> Any:
    """A number where the value is one or reads as one, else text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str | int | float):
        try:
            return float(value)
        except ValueError:
            return value
    return value
