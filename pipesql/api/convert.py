"""Between texts: standard SQL to pipe SQL and back, pipe SQL to its operators, and its canonical form.

A conversion needs to know which table each column belongs to. A database or a `Schema` says so; without one, the schema
is read off the query itself, which is enough where every column is qualified or there is one table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.api import database_of
from pipesql.pipe.printing.printer import print_operators, print_query
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema

if TYPE_CHECKING:
    from pipesql.decompile.origins import Origins
    from pipesql.execution.database import Database


def to_pipe(
    sql: str,
    database: Database | Path | str | Schema | None = None,
    *,
    dialect: str = "",
    pipe_dialect: str = "bigquery",
    keep_names: bool = False,
) -> str:
    """Standard SQL as pipe SQL, one operator a line, in normal form.

    `dialect` is that of `sql`, any that sqlglot reads; without one it is the database's, else SQLite's. `pipe_dialect`
    is `bigquery` (GoogleSQL) or `spark`. `keep_names` keeps the query's own aliases and its spelling of names.

    >>> print(pipesql.to_pipe("SELECT name FROM singer WHERE age > 30 ORDER BY age"))
    FROM singer
    |> WHERE age > 30
    |> ORDER BY age
    |> SELECT name

    Raises SqlSyntaxError for text that is not a query, UnknownName for a table or column that the database does not
    have, UnsupportedSql, naming the construct, for what has no faithful pipe form, and BadInput for a database that
    cannot be read or where one is needed.
    """
    from pipesql.decompile import decompile

    schema, read = _standard(sql, database, dialect)
    text = print_query(decompile(sql, schema, read, keep_names=keep_names), pipe_dialect)
    return _complete(text, database)


def to_sql(
    pipe_sql: str,
    database: Database | Path | str | Schema | None = None,
    *,
    dialect: str = "",
    pipe_dialect: str = "bigquery",
) -> str:
    """Pipe SQL as one line of standard SQL for an engine.

    `dialect` is the engine's: `sqlite`, `duckdb`, `postgres`, `bigquery`, `spark`, or another that sqlglot writes;
    without one it is the database's, else SQLite's. `pipe_dialect` is `bigquery` (GoogleSQL) or `spark`.

    >>> pipesql.to_sql("FROM singer |> WHERE age > 30 |> AGGREGATE COUNT(*) AS n GROUP BY town")
    'SELECT town, COUNT(*) AS n FROM singer WHERE age > 30 GROUP BY town'

    Raises SqlSyntaxError for text that is not pipe SQL, UnknownName for a table or column that does not exist,
    UnsupportedSql for what the engine cannot do, and BadInput for a database that cannot be read or where one is
    needed.
    """
    from pipesql.pipe.lowering.lower import lower

    query = parse(pipe_sql, pipe_dialect=pipe_dialect)
    text = lower(query, schema_for(query, database), dialect or dialect_for(database))
    return _complete(text, database)


def parse(pipe_sql: str, *, pipe_dialect: str = "bigquery") -> PipeQuery:
    """Pipe SQL as its operators (`pipesql.pipe.operators`), in the order in which they run. Names are not looked up.

    >>> [type(operator).__name__ for operator in pipesql.parse("FROM singer |> WHERE age > 30 |> LIMIT 3").operators]
    ['From', 'Where', 'Limit']

    Raises SqlSyntaxError for text that is not pipe SQL, and UnsupportedSql for a construct that is not read.
    """
    from pipesql.pipe.reading.parser import parse as read_pipe

    return read_pipe(pipe_sql, pipe_dialect)


def canonical(pipe_sql: str) -> str:
    """Pipe SQL in its canonical form: one operator a line, comments above it. Names are not looked up.

    >>> print(pipesql.canonical("from singer |> where age>30 -- grown up"))
    FROM singer
    -- grown up
    |> WHERE age > 30

    The canonical form of a canonical form is itself. Raises SqlSyntaxError and UnsupportedSql as `parse` does.
    """
    from pipesql.pipe.canonical import format_query

    return format_query(pipe_sql)


def schema_for(query: PipeQuery, database: Database | Path | str | Schema | None) -> Schema:
    """The schema that the names of a pipe query are looked up in. Raises BadInput."""
    if database is None:
        from pipesql.pipe.inferred import infer_from_pipe

        return infer_from_pipe(query)
    return database if isinstance(database, Schema) else database_of(database).schema


def dialect_for(database: Database | Path | str | Schema | None) -> str:
    """The dialect of a database's engine, as sqlglot calls it; SQLite's where there is none."""
    return "sqlite" if database is None or isinstance(database, Schema) else database_of(database).dialect


def _standard(sql: str, database: Database | Path | str | Schema | None, dialect: str) -> tuple[Schema, str]:
    """The schema that the names of a standard query are looked up in, and the dialect to read it in."""
    read = dialect or dialect_for(database)
    if database is None:
        from pipesql.decompile.infer import infer_from_standard

        return infer_from_standard(sql, read), read
    return (database if isinstance(database, Schema) else database_of(database).schema), read


def _complete(text: str, database: Database | Path | str | Schema | None) -> str:
    """The text. Raises BadInput where its schema is inferred and it would have to list all columns of a table."""
    if database is not None:
        return text
    from pipesql.pipe.inferred import complete

    return complete(text)


@dataclass(frozen=True)
class Origin:
    """Where an operator comes from: the `clause` of the standard query, and its `text` there.

    `query` is the name of the CTE that the operator stands in, empty for the query itself.
    """

    query: str
    operator: str
    clause: str
    text: str


def origins(
    sql: str,
    database: Database | Path | str | Schema | None = None,
    *,
    dialect: str = "",
    pipe_dialect: str = "bigquery",
    keep_names: bool = False,
) -> Iterator[Origin]:
    """The operators that `to_pipe` makes of a query, each with its origin, those of its CTEs first. Raises as it does.

    >>> from pipesql.api.convert import origins
    >>> [(origin.operator, origin.clause) for origin in origins("SELECT name FROM singer LIMIT 1")]
    [('FROM singer', 'FROM'), ('LIMIT 1', 'LIMIT'), ('SELECT name', 'SELECT')]
    """
    from pipesql.decompile import decompile_with_origins

    schema, read = _standard(sql, database, dialect)
    query, found = decompile_with_origins(sql, schema, read, keep_names=keep_names)
    for cte in query.ctes:
        yield from _origins(cte.name, cte.query, found, pipe_dialect)
    yield from _origins("", query, found, pipe_dialect)


def _origins(name: str, query: PipeQuery, found: Origins, pipe_dialect: str) -> Iterator[Origin]:
    texts = print_operators(PipeQuery(query.operators), pipe_dialect)
    for operator, text in zip(query.operators, texts, strict=True):
        origin = found.of(operator)
        yield Origin(name, text.removeprefix("|> "), origin.clause, origin.text)
