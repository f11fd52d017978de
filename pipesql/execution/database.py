"""What every engine gives: a database that is only read, and results."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Result:
    """What a query returned: column names as the engine gives them, rows in order, seconds of wall time."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    seconds: float


class Database(ABC):
    """One open database, read-only, each statement under a deadline (seconds) and a row limit."""

    dialect: str
    """What its SQL is called in sqlglot."""

    @abstractmethod
    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the statement), BadInput (the file)."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def plain(value: Any) -> Any:
    """A driver's value as one that can be hashed, compared and counted.

    Decimals become floats, as the comparison of results wants them; lists, structs and maps become tuples.
    """
    match value:
        case Decimal():
            return float(value)
        case float() if math.isnan(value):
            return math.nan  # always the same object, so that NaN equals NaN within rows
        case list() | tuple():
            return tuple(map(plain, value))
        case dict():
            return tuple((plain(k), plain(v)) for k, v in value.items())
        case memoryview() | bytearray():
            return bytes(value)
        case _:
            return value
