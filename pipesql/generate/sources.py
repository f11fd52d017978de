"""Which table of the database a column of an operator belongs to, where that can be told from the text alone."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.operators import From, Join, Limit, OrderBy, Where
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema, Table

Named = tuple[str, str]
"""A range variable and a column, in small letters."""


def tables_of(schema: Schema, query: PipeQuery) -> dict[str, Table]:
    """The tables of a query by their range variables, in small letters and in the query's order.

    None where it has others than those of the database, or operators other than WHERE, ORDER BY and LIMIT between.
    """
    found: dict[str, Table] = {}
    for operator in query.operators:
        if isinstance(operator, Where | OrderBy | Limit):
            continue
        if not isinstance(operator, From | Join) or not isinstance(operator.source, exp.Table):
            return {}
        if isinstance(operator, From) and operator.joins:
            return {}
        table = schema.table(operator.source.name)
        if table is None:
            return {}
        found[(operator.source.alias or table.name).lower()] = table
    return found


def column_of(side: exp.Expr, tables: dict[str, Table]) -> Named | None:
    """The column in one side of a comparison, which a cast or a function may be around; None where there is none, or
    where `tables` do not have it."""
    column = side.find(exp.Column)
    if column is None:
        return None
    owners = [column.table.lower()] if column.table else list(tables)
    for owner in owners:
        if owner in tables and tables[owner].column(column.name):
            return owner, column.name.lower()
    return None
