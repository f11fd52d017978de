"""Errors say at which operator of the query they are met.

Queries that nest more deeply than Python's stack allows end in an error of our own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

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


Given = ParamSpec("Given")
Made = TypeVar("Made")


def depth_bounded(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """The function, raising UnsupportedSql where it would raise RecursionError: trees are walked recursively."""

    @functools.wraps(function)
    def bounded(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        try:
            return function(*args, **kwargs)
        except RecursionError:
            raise UnsupportedSql("a query that nests this deeply", "split it with WITH, or shorten its lists") from None

    return bounded
