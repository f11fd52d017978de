"""SQLite."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines import sqlite_aggregates, sqlite_dates, sqlite_numbers, sqlite_texts
from pipesql.pipe.engines.rules import Rule, refused, rewrite


def _unknown(node: exp.Expr) -> exp.Expr:
    """Functions that sqlglot passes on and SQLite does not have."""
    if node.name.upper() in ("IEEE_DIVIDE",):
        raise refused(node.name.upper(), "SQLite")
    return node


RULES: dict[type[exp.Expr], Rule] = {
    **sqlite_numbers.RULES,
    **sqlite_texts.RULES,
    **sqlite_dates.RULES,
    **sqlite_aggregates.RULES,
    exp.Anonymous: _unknown,
}


def for_sqlite(tree: exp.Query) -> exp.Query:
    """The tree in SQLite's terms, changed in place. Raises UnsupportedSql."""
    sqlite_aggregates.replace_any_value(tree)
    return rewrite(tree, RULES)
