"""What the dialects mean by clauses that they share: which names are in sight, and what some operators do.

Sources: https://sqlite.org/lang_select.html and quirks.html; https://duckdb.org/docs/sql/query_syntax/select;
PostgreSQL's reference of SELECT; GoogleSQL's query syntax ("aliases"); Spark's SQL reference; and the engines
themselves where these do not say.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipesql.errors import UnsupportedSql


@dataclass(frozen=True)
class Semantics:
    """How a dialect reads names and shows merged columns. Clauses are called as in sqlglot's trees."""

    dialect: str
    aliases_in: frozenset[str] = frozenset()
    """Clauses in which a name that no table has may be an output's alias; `expressions` are the items themselves."""
    aliases_first: frozenset[str] = frozenset()
    """Clauses in which an alias wins over a column of the same name, inside expressions too."""
    aliases_alone_first: frozenset[str] = frozenset({"order"})
    """Clauses in which it does so where it is the whole term."""
    texts_in_double_quotes: bool = False
    """`"x"` is a text where no column has that name."""
    bare_columns: bool = False
    """Beside aggregates a column may stand that is neither grouped nor aggregated."""
    implicit_recursion: bool = False
    """A CTE may name itself without RECURSIVE."""
    merged_first: bool = False
    """`*` shows USING's columns before all others."""
    folds_like: bool = False
    """LIKE ignores the case of ASCII letters."""
    escapes_like: bool = False
    """A backslash in a pattern of LIKE makes the next character literal."""
    whole_division: bool = False
    """`/` of integers gives an integer."""


def _clauses(*names: str) -> frozenset[str]:
    return frozenset(names)


SQLITE = Semantics(
    "sqlite",
    aliases_in=_clauses("where", "group", "having", "order"),
    texts_in_double_quotes=True,
    bare_columns=True,
    implicit_recursion=True,
    folds_like=True,
    whole_division=True,
)

_ALL = (
    SQLITE,
    Semantics("duckdb", aliases_in=_clauses("expressions", "where", "group", "having", "qualify", "order", "distinct")),
    Semantics("postgres", aliases_in=_clauses("group"), merged_first=True, escapes_like=True, whole_division=True),
    Semantics(
        "bigquery",
        aliases_in=_clauses("group", "having", "qualify", "order"),
        aliases_first=_clauses("having", "qualify", "order"),
        aliases_alone_first=_clauses("group", "order"),
        merged_first=True,
        escapes_like=True,
    ),
    Semantics(
        "spark",
        aliases_in=_clauses("expressions", "group", "having", "order"),
        aliases_first=_clauses("order"),
        merged_first=True,
        escapes_like=True,
    ),
)
_BY_NAME = {semantics.dialect: semantics for semantics in _ALL}


def semantics_of(dialect: str) -> Semantics:
    """The semantics of a dialect. Raises UnsupportedSql for one whose meaning is not known here."""
    semantics = _BY_NAME.get(dialect)
    if semantics is None:
        known = ", ".join(_BY_NAME)
        raise UnsupportedSql(f"queries of the dialect {dialect}", f"write them in one of {known}")
    return semantics
