"""What each engine does differently from GoogleSQL, made explicit before sqlglot writes the engine's dialect.

An engine is one module (SQLite a folder) with a table of rules by class of node and a function `for_ENGINE` that
applies them; `shared` holds what several need. docs/reference/dialects.md lists every gap. To add an engine, write its
module and an entry in `_ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipesql.errors import UnsupportedSql
from pipesql.pipe.engines.bigquery import for_bigquery
from pipesql.pipe.engines.duckdb import for_duckdb
from pipesql.pipe.engines.postgres import for_postgres
from pipesql.pipe.engines.spark import for_spark
from pipesql.pipe.engines.sqlite import for_sqlite
from pipesql.pipe.expressions import natural
from pipesql.pipe.older_sqlglot import bracket_mod
from pipesql.pipe.scan import complaint, dialect_named

_ENGINES: dict[str, Callable[[exp.Query], exp.Query]] = {
    "sqlite": for_sqlite,
    "duckdb": for_duckdb,
    "postgres": for_postgres,
    "bigquery": for_bigquery,
    "spark": for_spark,
}


def write(tree: exp.Query, dialect: str) -> str:
    """SQL text in the engine's dialect. Raises UnsupportedSql for what it cannot express."""
    engine = dialect_named(dialect)
    made = _ENGINES.get(dialect)
    if made is not None:
        tree = made(tree)
    try:
        return engine.generate(
            natural(bracket_mod(tree), dialect),
            normalize_functions="upper",
            comments=False,
            unsupported_level=ErrorLevel.RAISE,
        )
    except SqlglotError as e:
        raise UnsupportedSql(f"a construct in {dialect}", complaint(e)) from e
