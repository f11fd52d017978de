"""The prefix property, checked and not assumed: every prefix of a query is a query, and it runs.

Training shows a model each prefix and asks for the next operator, so each of them must be read as what it was written
as, resolve, and execute: for up to `ROWS` rows, within `DEADLINE_S` seconds.
"""

from __future__ import annotations

from pipesql.errors import ExecutionError, SqlError
from pipesql.execution.database import Database
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_operators
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair
from pipesql.tools.rows import few

DEADLINE_S = 10.0
"""Seconds that one prefix may take."""
ROWS = 100
"""Rows that are fetched of each."""


def broken_prefix(pair: GoldenPair, schema: Schema, database: Database) -> str:
    """What is wrong with the first prefix that does not hold, in a sentence that names the pair; empty where all do."""
    for length in range(1, len(pair.operators) + 1):
        operators = pair.operators[:length]
        try:
            query = parse("\n".join(operators))
            if tuple(print_operators(query)) != operators:
                return f"{pair.id}: its first {length} operators read back are others"
            database.run(few(query, schema, database.dialect, ROWS))
        except (SqlError, ExecutionError) as e:
            return f"{pair.id}: its first {length} of {len(pair.operators)} operators do not execute: {e}"
    return ""
