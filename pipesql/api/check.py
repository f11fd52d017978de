"""Does a pipe query hold? What it gives where it does, what is worth a second look, and the first error where not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.api import database_of
from pipesql.api.convert import dialect_for, schema_for
from pipesql.errors import InvalidOption
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import REST, Schema
from pipesql.pipe.scope import Scope
from pipesql.pipe.walk import is_pure

if TYPE_CHECKING:
    from pipesql.execution.database import Database


@dataclass(frozen=True)
class Finding:
    """What is worth a second look in a query that holds. `operator` counts from 1; 0 is the whole query."""

    operator: int
    text: str


@dataclass(frozen=True)
class Checked:
    """A query that holds.

    `operators` are its canonical texts, `columns` the names that it gives (an unnamed one is empty), `ordered` says
    whether it defines the order of its rows, and `sql` is it in the engine's SQL. `row_count` is how many rows it
    returned, None where it was not run.
    """

    operators: tuple[str, ...]
    columns: tuple[str, ...]
    ordered: bool
    sql: str
    row_count: int | None = None
    findings: tuple[Finding, ...] = ()


def check(
    pipe_sql: str,
    database: Database | Path | str | Schema | None = None,
    *,
    run: bool = False,
    dialect: str = "",
    timeout_s: float | None = None,
    max_rows: int | None = None,
) -> Checked:
    """Read a pipe query, look its names up, write it in the engine's SQL, and on request run it.

    `database` is a database, its path or URL, or a schema alone; without one the schema is read off the query.
    `dialect` is the engine's; without one it is the database's, else SQLite's. With `run` the database runs the query,
    read-only and within the limits of `pipesql.run`.

    >>> checked = pipesql.check("FROM singer |> LIMIT 2 |> SELECT name", "music.sqlite", run=True)
    >>> checked.columns, checked.ordered, checked.row_count
    (('name',), False, 2)
    >>> checked.findings[0].text
    'LIMIT keeps any 2 rows: the order of rows is not defined before it'
    >>> pipesql.check("FROM singer |> WHERE agee > 30", "music.sqlite")
    Traceback (most recent call last):
        ...
    pipesql.errors.UnknownName: operator 2: no column agee here: did you mean age?

    Raises SqlSyntaxError (with the place in the text), UnknownName and UnsupportedSql (with the number of the operator)
    for a query that does not hold, ExecutionError where it does not run, and BadInput for a database that cannot be
    read or where one is needed.
    """
    query = parse(pipe_sql)
    schema = schema_for(query, database)
    scopes = resolve(query, schema)
    sql = lower(query, schema, dialect or dialect_for(database))
    row_count = None
    if run:
        if database is None or isinstance(database, Schema):
            raise InvalidOption("a query is run on a database: give one (--db), or check without running (no --run)")
        with database_of(database, timeout_s, max_rows).open() as connection:
            row_count = len(connection.run(sql).rows)
    return Checked(
        operators=tuple(print_operators(query)),
        columns=tuple(column.name for column in scopes[-1].columns if column.name != REST),
        ordered=scopes[-1].ordered,
        sql=sql,
        row_count=row_count,
        findings=tuple(_findings(query, scopes, row_count)),
    )


def _findings(query: PipeQuery, scopes: list[Scope], row_count: int | None) -> Iterator[Finding]:
    for number, operator in enumerate(query.operators, 1):
        if isinstance(operator, op.Limit) and not scopes[number - 2].ordered:
            yield Finding(number, f"LIMIT keeps any {operator.count} rows: the order of rows is not defined before it")
    if not is_pure(query):
        yield Finding(0, "it holds a standard SELECT; write it with FROM and |> to see the table after each operator")
    if row_count == 0:
        yield Finding(0, "it returns no rows")
