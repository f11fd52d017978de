"""A database server by its SQLAlchemy URL: which one it is, and how it is reached.

Passwords do not belong in the URL, which is written into golden pairs and runs: `${NAME}` in any part of it stands for
an environment variable and is looked up when the connection is made.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipesql.engine import dialect_of
from pipesql.errors import BadInput
from pipesql.execution.sqlite import open_read_only

_INSTALL = "install them: pip install 'pipesql[databases]'"


@dataclass(frozen=True)
class ServerUrl:
    """A URL that can be written down. `file` is set where the server is none but a SQLite file."""

    text: str
    dialect: str
    file: Path | None = None


def parsed_url(text: str) -> ServerUrl:
    """Raises BadInput: no URL, an engine that is not known here, a password in plain text, SQLAlchemy not installed."""
    url = _made(text)
    shown = url.set(query={}).render_as_string(hide_password=True)
    dialect = dialect_of(text)
    secrets = [url.password, *(value for name, value in url.query.items() if "pass" in name.lower())]
    if any(secret is not None and not str(secret).startswith("$") for secret in secrets):
        raise BadInput(
            f"the URL {shown} holds a password, which would be written into the output; put it into an environment "
            "variable NAME and write ${NAME} in its place"
        )
    file = Path(os.path.expandvars(url.database or "")) if dialect == "sqlite" else None
    return ServerUrl(text, dialect, file)


@lru_cache(maxsize=64)
def connect(text: str) -> Any:
    """A SQLAlchemy engine that opens a connection when asked and keeps none.

    Raises BadInput as `parsed_url`, and for a driver that is not installed or a variable that is not set.
    """
    import sqlalchemy

    parsed, url = parsed_url(text), _made(text)
    if parsed.file is not None:
        path = parsed.file
        return sqlalchemy.create_engine(
            "sqlite://", creator=lambda: open_read_only(path), poolclass=sqlalchemy.NullPool
        )
    parts = {name: _expanded(getattr(url, name), text) for name in ("username", "password", "host", "database")}
    query = {name: _expanded(value, text) if isinstance(value, str) else value for name, value in url.query.items()}
    try:
        return sqlalchemy.create_engine(url.set(**parts, query=query), poolclass=sqlalchemy.NullPool)
    except ModuleNotFoundError as e:
        raise BadInput(f"the driver for {text} is missing ({e.name}); {_INSTALL}") from e


def _made(text: str) -> Any:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as e:
        raise BadInput(f"databases by URL need the packages sqlalchemy and psycopg; {_INSTALL}") from e
    try:
        return make_url(text)
    except (SQLAlchemyError, ValueError) as e:
        raise BadInput(f"{text} is no SQLAlchemy URL; write it as postgresql://user@host/database") from e


def _expanded(value: str | None, text: str) -> str | None:
    if value is None:
        return None
    expanded = os.path.expandvars(value)
    if "$" in value and expanded == value:
        raise BadInput(f"an environment variable in the URL {text} is not set; set it, then try again")
    return expanded
