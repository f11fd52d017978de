"""An answer's text as evaluation reads it: pure pipe SQL, lowered for its database, executed within limits."""

from __future__ import annotations

from pipesql.errors import ExecutionError, SqlError
from pipesql.execution.database import Database, Result
from pipesql.execution.schema import read_schema
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.purity import require_pure
from pipesql.pipe.query import PipeQuery
from pipesql.records import GoldenPair


def read(text: str) -> PipeQuery | None:
    """The query that the text is, or None where it is no pure pipe SQL."""
    try:
        query = parse(text)
        require_pure(query)
    except SqlError:
        return None
    return query


def answered(text: str, pair: GoldenPair, database: Database) -> Result | None:
    """What the text returns on the pair's database, or None where it does not run within the limits.

    Raises BadInput where the database itself cannot be read.
    """
    query = read(text)
    if query is None:
        return None
    try:
        return database.run(lower(query, read_schema(pair.database), database.dialect))
    except (SqlError, ExecutionError):  # a timeout and too many rows are ExecutionErrors
        return None
