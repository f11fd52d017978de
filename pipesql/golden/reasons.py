"""What the reasons of rejections mean and whose concern each is; and the categories of a database's errors."""

from __future__ import annotations

from pipesql.errors import ExecutionError, QueryTimeout, TooManyRows

MEANINGS = {
    "gold_error": ("the gold does not execute on the real database", "the benchmark's"),
    "undecidable": (
        "the gold has more than one right answer, and contradicts itself on reversed rows",
        "the benchmark's",
    ),
    "unproved": ("the gold does not execute on the perturbed copy", "the benchmark's"),
    "refused": ("the language cannot express a construct", "a wish"),
    "reread": ("the printed text cannot be read back or lowered", "a defect"),
    "impure": ("a standard-SQL block is left in the text", "a defect"),
    "prefix": ("a prefix of the query is not a query", "a defect"),
    "error": ("the lowered query fails where the gold does not", "a defect"),
    "timeout": ("the lowered query is far slower than the gold", "a defect"),
    "mismatch": ("a result that differs from the gold's", "a defect"),
}
"""Class of a reason (the part before its colon) → what it means, whose concern it is."""


def meaning(reason: str) -> tuple[str, str]:
    """The meaning of a reason, with or without its detail behind the colon, and whose concern it is."""
    if reason == "mismatch:undecidable":
        return (
            "the rows come in another order, which cannot be checked; the gold does not contradict itself",
            "open",
        )
    if reason == "unproved:empty":
        return ("the gold finds nothing, and there is no perturbed copy of the database", "the benchmark's")
    return MEANINGS[reason.partition(":")[0]]


CATEGORIES = ("timeout", "rows", "name", "function", "syntax", "misuse", "value", "limit", "refused", "engine")
"""`timeout`: past the deadline; `rows`: more rows than allowed; `name`: an unknown or ambiguous table or column;
`function`: an unknown function, or wrong arguments; `syntax`; `misuse`: aggregates or windows in the wrong place,
widths that differ; `value`: a value that a function or an operation cannot take; `limit`: too large or too deep for
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
    """One of `CATEGORIES`, from the message: SQLite's code is SQLITE_ERROR for nearly everything."""
    if isinstance(error, QueryTimeout):
        return "timeout"
    if isinstance(error, TooManyRows):
        return "rows"
    message = str(error).lower()
    return next((kind for sign, kind in _SIGNS if sign in message), "engine")
