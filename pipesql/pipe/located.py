"""Errors say at which operator of the query they are met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pipesql.errors import SqlError, UnknownName, UnsupportedSql

_LOCATED = re.compile(r"\boperator \d")


@contextmanager
def located(number: int) -> Iterator[None]:
    """Errors raised in here get the operator's number, unless one further in has given them its own."""
    try:
        yield
    except SqlError as error:
        said = str(error)
        if isinstance(error, UnknownName):
            error.operator = error.operator or number
        if not _LOCATED.search(said):
            at_end = isinstance(error, UnsupportedSql)
            error.args = (f"{said} (operator {number})" if at_end else f"operator {number}: {said}",)
        raise
