"""Which engine a database belongs to: told by the first bytes of a file, or by the form of a URL."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from pipesql.errors import BadInput

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
