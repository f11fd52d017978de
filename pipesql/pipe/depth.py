"""Queries that nest more deeply than Python's stack allows end in an error of our own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pipesql.errors import UnsupportedSql

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
