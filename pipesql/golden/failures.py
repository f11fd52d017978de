"""Why a database would not run a query, as a word to count by."""

from __future__ import annotations

from pipesql.errors import ExecutionError, QueryTimeout, TooManyRows

CATEGORIES = ("timeout", "rows", "name", "function", "syntax", "misuse", "value", "limit", "refused", "engine")
"""`timeout`: past the deadline; `rows`: more rows than allowed; `name`: an unknown or ambiguous table or column;
`function`: an unknown function, or one with other arguments; `syntax`; `misuse`: aggregates or windows where none may
stand, widths that do not fit; `value`: what a function or an operation cannot take; `limit`: too large or too deep for
the engine; `refused`: it does more than read; `engine`: anything else."""

_SIGNS = (
    ("no such function", "function"),
    ("wrong number of arguments", "function"),
    ("no such", "name"),
    ("referenced column", "name"),
    ("does not exist", "name"),
    ("ambiguous", "name"),
    ("syntax error", "syntax"),
    ("incomplete input", "syntax"),
    ("unrecognized token", "syntax"),
    ("should come after", "syntax"),
    ("misuse of", "misuse"),
    ("do not have the same number of result columns", "misuse"),
    ("returns", "misuse"),
    ("term does not match", "misuse"),
    ("term out of range", "misuse"),
    ("aggregate", "misuse"),
    ("overflow", "limit"),
    ("too many", "limit"),
    ("too big", "limit"),
    ("too large", "limit"),
    ("too deep", "limit"),
    ("malformed", "value"),
    ("bad json", "value"),
    ("conversion", "value"),
    ("out of range", "value"),
    ("catalog error", "name"),
    ("binder error", "misuse"),
    ("parser error", "syntax"),
    ("refused: ", "refused"),
)
"""Words of SQLite's, DuckDB's and PostgreSQL's messages, in the order in which they are looked for."""


def category(error: ExecutionError) -> str:
    """One of `CATEGORIES`. The engine's own codes tell too little: SQLite calls nearly everything SQLITE_ERROR."""
    if isinstance(error, QueryTimeout):
        return "timeout"
    if isinstance(error, TooManyRows):
        return "rows"
    said = str(error).lower()
    return next((kind for sign, kind in _SIGNS if sign in said), "engine")
