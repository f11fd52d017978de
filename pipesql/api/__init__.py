"""What `import pipesql` offers: one function for each arrow between a question, pipe SQL, standard SQL and rows.

The command line calls these functions and prints what they return. The names that users see are listed in
`pipesql/__init__.py`; a function that is new here becomes one of them there.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.errors import BadInput

if TYPE_CHECKING:
    from pipesql.execution.database import Database

TIMEOUT_S = 5.0
MAX_ROWS = 1_000
"""The limits of a query on a database that is given by its path or URL, unless a function has others."""


def database_of(
    database: Database | Path | str, timeout_s: float | None = None, max_rows: int | None = None
) -> Database:
    """The database at a path or URL, or the one that is given, with its own limits where these are None."""
    from pipesql.execution.connection import QueryLimits
    from pipesql.execution.database import Database

    known = database if isinstance(database, Database) else Database(database, QueryLimits(TIMEOUT_S, MAX_ROWS))
    if timeout_s is None and max_rows is None:
        return known
    limits = QueryLimits(
        known.limits.timeout_s if timeout_s is None else timeout_s,
        known.limits.max_rows if max_rows is None else max_rows,
    )
    return Database(known.location, limits)


def require(extra: str, what: str, *modules: str) -> None:
    """Raise BadInput, with the command that installs them, unless all these modules can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f"{what} needs the package {missing[0]}: pip install 'pipesql[{extra}]'")
