"""The one hierarchy of errors: each says what was wrong, where, and what to do about it.

A command line catches `PipesqlError` alone, prints its one sentence and exits with `exit_code`;
anything else is a bug and keeps its traceback.
"""

from __future__ import annotations


class PipesqlError(Exception):
    """Base of every error that pipesql raises on purpose. Its message is one line, whatever the text that it quotes."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(message.splitlines()))


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
    """A query, standard or pipe, cannot be read, resolved or expressed."""


class SqlSyntaxError(SqlError):
    """The text is not a query. `offset` counts characters from the start of the text, if known."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class UnknownName(SqlError):
    """A table, column or range variable that does not exist, or is ambiguous, at this operator."""

    def __init__(self, message: str, name: str, operator: int | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.operator = operator


class UnsupportedSql(SqlError):
    """A construct that cannot be expressed faithfully; it is refused, never approximated."""

    def __init__(self, construct: str, detail: str = "") -> None:
        super().__init__(f"cannot express {construct}" + (f": {detail}" if detail else ""))
        self.construct = construct


class ExecutionError(PipesqlError):
    """A database refused or failed to run a statement."""


class QueryTimeout(ExecutionError):
    """A statement ran past its deadline and was stopped."""


class TooManyRows(ExecutionError):
    """A statement returned more rows than the limit allows."""


class ModelUnavailable(PipesqlError):
    """Weights or a tokenizer cannot be had; the message names them and says how to get them."""


class NoSuchRun(PipesqlError):
    """A step needs the output of an earlier step, and no finished run of that step is on record."""


class TrainingDiverged(PipesqlError):
    """The loss or a gradient is no longer a finite number; the weights of that moment are not kept."""


class DoesNotFit(PipesqlError):
    """A training that the device has not the memory for, by forecast."""
