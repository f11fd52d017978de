"""What every engine gives: a database that is only read, and results.

Which engine a database belongs to: told by the first bytes of a file, or by the form of a URL.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipesql.errors import BadInput


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


_HEADER_BYTES = 16
_DUCKDB_MAGIC = slice(8, 12)  # behind a checksum of eight bytes
_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite"}
"""The servers whose SQL is read here, by SQLAlchemy's name, and what sqlglot calls it."""


class Engine(Enum):
    """What opens a database."""

    SQLITE = "sqlite"
    DUCKDB = "duckdb"
    URL = "url"
    """SQLAlchemy, for whatever server the URL names."""


def engine_of(database: Path | str) -> Engine:
    """The engine of a file or URL; a file that is not there or tells nothing goes by its ending, else to SQLite."""
    if isinstance(database, str) and is_url(database):
        return Engine.URL
    path = Path(database)
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        header = b""
    if header[_DUCKDB_MAGIC] == b"DUCK" or (not header.startswith(b"SQLite") and path.suffix == ".duckdb"):
        return Engine.DUCKDB
    return Engine.SQLITE


def is_url(database: str) -> bool:
    """Whether the text is a URL (`postgresql://…`), not a path."""
    scheme, mark, _ = database.partition("://")
    return bool(mark) and len(scheme) > 1 and scheme.replace("+", "").replace("_", "").isalnum()


def dialect_of(database: Path | str) -> str:
    """What the database's SQL is called in sqlglot. Raises BadInput for a URL of an engine that is not known here."""
    engine = engine_of(database)
    if engine is not Engine.URL:
        return str(engine.value)
    backend = str(database).partition("://")[0].partition("+")[0]
    if backend not in _DIALECTS:
        known = " and ".join(f"{name}://" for name in _DIALECTS)
        raise BadInput(
            f"databases at {backend}:// cannot be read; gold is understood for {known}, and for DuckDB files"
        )
    return _DIALECTS[backend]
