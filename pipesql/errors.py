"""The one hierarchy of errors: each says what was wrong, where, and what to do about it.

A command line catches `PipesqlError` alone, prints its one sentence and exits with `exit_code`;
anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar


class PipesqlError(Exception):
    """Base of every error that pipesql raises on purpose. Its message is one line, whatever the text that it quotes."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(message.splitlines()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, vars(self))


def _restored(kind: type[PipesqlError], arguments: tuple[Any, ...], fields: dict[str, Any]) -> PipesqlError:
    """An error that another process raised, its fields included."""
    error = kind.__new__(kind, *arguments)
    vars(error).update(fields)
    return error


class BadInput(PipesqlError):
    """A file, folder, option or record that the user gave cannot be used."""

    exit_code = 2


class InvalidOption(BadInput):
    """An option or a parameter has a value that cannot be used, alone or beside the others."""


class InvalidFile(BadInput):
    """A file or a record in it cannot be read, or does not hold what it should."""


class StorageError(BadInput):
    """A file or folder cannot be written: the disk is full, or the place is read-only."""


class SqlError(PipesqlError):
    """A query, standard or pipe, cannot be read, resolved or expressed.

    `operator` is the number of the pipe operator at which that is found, from 1, counted in the innermost query around
    it; `position` is the place in the text, in characters from 0. Each is None where it is not known.
    """

    def __init__(self, message: str, *, operator: int | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.operator = operator
        self.position = position

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.operator is None else f"operator {self.operator}: {message}"


class SqlSyntaxError(SqlError):
    """The text is not a query. Its message names line and column, where they are known."""

    def __str__(self) -> str:
        return PipesqlError.__str__(self)


class UnknownName(SqlError):
    """A table, column or range variable, `name`, that does not exist or is ambiguous."""

    def __init__(self, message: str, name: str, *, operator: int | None = None, position: int | None = None) -> None:
        super().__init__(message, operator=operator, position=position)
        self.name = name


class UnsupportedSql(SqlError):
    """A construct that cannot be expressed faithfully; it is refused, never approximated.

    `place` is where it stands in the text, in words; without it the message names the operator.
    """

    def __init__(
        self,
        construct: str,
        detail: str = "",
        *,
        place: str = "",
        operator: int | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(
            f"cannot express {construct}" + (f": {detail}" if detail else ""), operator=operator, position=position
        )
        self.construct = construct
        self.place = place

    def __str__(self) -> str:
        place = self.place or ("" if self.operator is None else f"operator {self.operator}")
        return PipesqlError.__str__(self) + (f" ({place})" if place else "")


class AtOperator:
    """`with AtOperator(number):` errors raised in here carry that number, unless one further in gave them its own."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SqlError) and error.operator is None:
            error.operator = self.number


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


class ExecutionError(PipesqlError):
    """A database refused or failed to run a statement."""


class QueryTimeout(ExecutionError):
    """A statement ran past its deadline and was stopped."""


class TooManyRows(ExecutionError):
    """A statement returned more rows than the limit allows."""


class ModelUnavailable(PipesqlError):
    """Weights or a tokenizer cannot be loaded; the message names them and says how to get them."""


class NoSuchRun(PipesqlError):
    """A step needs the output of an earlier step, and no finished run of that step is on record."""


class TrainingDiverged(PipesqlError):
    """The loss or a gradient is no longer a finite number; the weights of that moment are not kept."""


class NotEnoughMemory(PipesqlError):
    """A training needs more memory than the device has, by forecast."""
