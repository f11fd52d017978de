"""SQLite."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines import refusals, sqlite_aggregates, sqlite_dates, sqlite_numbers, sqlite_texts
from pipesql.pipe.engines.rules import Rule, rewrite

RULES: dict[type[exp.Expr], Rule] = {
    **sqlite_numbers.RULES,
    **sqlite_texts.RULES,
    **sqlite_dates.RULES,
    **sqlite_aggregates.RULES,
    exp.Anonymous: refusals.functions("SQLite"),
}


def for_sqlite(tree: exp.Query) -> exp.Query:
    """The tree in SQLite's terms, changed in place. Raises UnsupportedSql."""
    sqlite_aggregates.replace_any_value(tree)
    return rewrite(tree, RULES)
