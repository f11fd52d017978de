"""The first rows of a query, and how many there are, without fetching the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from pipesql.errors import QueryTimeout
from pipesql.execution.database import Database
from pipesql.pipe.engines import write
from pipesql.pipe.lower import lower_tree
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema


@dataclass(frozen=True)
class FirstRows:
    """Column names as the engine gives them, the first rows, and the number of all rows: None where counting them
    takes longer than the deadline."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int | None


def first_rows(query: PipeQuery, schema: Schema, database: Database, limit: int) -> FirstRows:
    """Run a query for at most `limit` rows, and count all.

    Raises SqlError where it does not resolve, ExecutionError where the engine refuses it or its first rows take longer
    than the deadline.
    """
    result = database.run(few(query, schema, database.dialect, limit))
    if len(result.rows) < limit:
        return FirstRows(result.columns, result.rows, len(result.rows))
    whole = exp.Subquery(
        this=lower_tree(query, schema, database.dialect), alias=exp.TableAlias(this=exp.to_identifier("t"))
    )
    count = exp.select(exp.Count(this=exp.Star())).from_(whole)
    try:
        counted = database.run(write(count, database.dialect))
    except QueryTimeout:
        return FirstRows(result.columns, result.rows, None)
    return FirstRows(result.columns, result.rows, int(counted.rows[0][0]))


def few(query: PipeQuery, schema: Schema, dialect: str, limit: int) -> str:
    """The SQL that gives at most `limit` rows of the query, in its order. Raises SqlError."""
    tree = lower_tree(query, schema, dialect)
    held = tree.args.get("limit")
    own = held.expression if held is not None else None
    if held is None or (isinstance(own, exp.Literal) and int(own.name) > limit):
        tree.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
    return write(tree, dialect)
