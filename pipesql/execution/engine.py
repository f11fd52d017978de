"""Which engine a database belongs to: told by the first bytes of a file, or by the form of a URL."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

_HEADER_BYTES = 16
_DUCKDB_MAGIC = slice(8, 12)  # behind a checksum of eight bytes


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
    return bool(mark) and scheme.replace("+", "").replace("_", "").isalnum() and len(scheme) > 1
