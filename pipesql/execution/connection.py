"""What all engines share: an open, read-only database, the limits of a query, its result.

The engine of a database is recognised by the first bytes of a file, or by the form of a URL (`engine_of`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipesql.errors import ExecutionError, InvalidOption, QueryTimeout, TooManyRows


@dataclass(frozen=True)
class QueryLimits:
    """How long one query may run, in seconds, and how many rows it may return."""

    timeout_s: float = 5.0
    max_rows: int = 100_000

    def timeout(self) -> QueryTimeout:
        """The error of a query that ran past its deadline."""
        return QueryTimeout(f"the query ran longer than {self.timeout_s:g} s and was stopped; filter or limit it")

    def too_many_rows(self) -> TooManyRows:
        """The error of a query that returned more rows than it may."""
        return TooManyRows(f"the query returns more than {self.max_rows} rows; add a LIMIT or a filter")


DEFAULT_LIMITS = QueryLimits()


@dataclass(frozen=True)
class Result:
    """What a query returned: column names as the engine gives them, rows in order, seconds of wall time."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    seconds: float


class Connection(ABC):
    """One open database, read-only, each query under `QueryLimits`. Use as a context manager, or call `close`."""

    dialect: str
    """The name of its SQL in sqlglot."""

    @abstractmethod
    def run(self, sql: str) -> Result:
        """Execute one query. Raises QueryTimeout, TooManyRows, ExecutionError (the query), BadInput (the database)."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


REMEMBERED_ROWS = 1_000
"""Where all queries are remembered, results of more rows are not: hundreds of them would not fit into memory."""


class RememberingConnection(Connection):
    """A connection that runs each query once and remembers its result or error. The rows must not change meanwhile.

    The `latest` queries given to `run` are remembered, or all of them (None), but for large results.
    """

    def __init__(self, connection: Connection, latest: int | None = None) -> None:
        self.dialect = connection.dialect
        self._connection = connection
        self._most = latest
        self._kept: dict[str, Result] = {}
        self._latest: OrderedDict[str, Result | ExecutionError] = OrderedDict()

    def keep(self, sql: str) -> Result:
        """Run a query and remember its result for good, however many rows. Raises what `run` raises."""
        if sql not in self._kept:
            self._kept[sql] = self._connection.run(sql)
        return self._kept[sql]

    def run(self, sql: str) -> Result:
        """As `Connection.run`; a query that failed fails again with the same error."""
        if sql in self._kept:
            return self._kept[sql]
        found = self._latest.get(sql) or self._run(sql)
        if isinstance(found, ExecutionError):
            raise found.with_traceback(None)
        return found

    def _run(self, sql: str) -> Result | ExecutionError:
        try:
            found: Result | ExecutionError = self._connection.run(sql)
        except ExecutionError as error:
            found = error
        if self._most is None:
            if isinstance(found, Result) and len(found.rows) > REMEMBERED_ROWS:
                return found
        elif len(self._latest) >= self._most:
            self._latest.popitem(last=False)
        self._latest[sql] = found
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


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
_DUCKDB_MAGIC = slice(8, 12)  # after a checksum of eight bytes
_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite"}
"""The servers whose SQL can be read: SQLAlchemy's name → sqlglot's name."""


class Engine(Enum):
    """What opens a database."""

    SQLITE = "sqlite"
    DUCKDB = "duckdb"
    URL = "url"
    """SQLAlchemy, for whatever server the URL names."""


def engine_of(location: str) -> Engine:
    """The engine of a file or URL. If the file is missing or unclear, its ending decides; SQLite is the default."""
    if is_url(location):
        return Engine.URL
    path = Path(location)
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        header = b""
    if header[_DUCKDB_MAGIC] == b"DUCK" or (not header.startswith(b"SQLite") and path.suffix == ".duckdb"):
        return Engine.DUCKDB
    return Engine.SQLITE


def is_url(location: str) -> bool:
    """Whether the text is a URL (`postgresql://…`), not a path."""
    scheme, mark, _ = location.partition("://")
    return bool(mark) and len(scheme) > 1 and scheme.replace("+", "").replace("_", "").isalnum()


def dialect_of(location: str) -> str:
    """The name of the database's SQL in sqlglot. Raises InvalidOption for a URL of an unknown engine."""
    engine = engine_of(location)
    if engine is not Engine.URL:
        return str(engine.value)
    backend = location.partition("://")[0].partition("+")[0]
    if backend not in _DIALECTS:
        known = " and ".join(f"{name}://" for name in _DIALECTS)
        raise InvalidOption(f"cannot read databases at {backend}://; use {known}, or a SQLite or DuckDB file")
    return _DIALECTS[backend]
