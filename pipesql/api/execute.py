"""On a database: the rows of a pipe query, the table after each of its operators, and whether two queries agree.

Databases are opened read-only. Every statement has a deadline in seconds and a limit of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.tokens import TokenType

from pipesql.api import database_of
from pipesql.errors import PipesqlError
from pipesql.execution.connection import Connection, Result
from pipesql.execution.database import Database
from pipesql.pipe.engines import write
from pipesql.pipe.lowering.lower import lower, lower_tree
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse, parse_operators
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.scan import split, tokens
from pipesql.pipe.schema import Schema


def run(
    pipe_sql: str, database: Database | Path | str, *, timeout_s: float | None = None, max_rows: int | None = None
) -> Result:
    """The result of a pipe query: column names, rows as tuples in order, and the seconds that it took.

    `timeout_s` and `max_rows` are the database's own limits unless they are given; those of a database that is given by
    its path or URL are 5 seconds and 1,000 rows.

    >>> pipesql.run("FROM singer |> WHERE age > 30 |> SELECT name, age", "music.sqlite").rows
    [('Ann', 31), ('Cém', 47)]

    Raises SqlError for a query that does not hold on the database, QueryTimeout and TooManyRows past a limit,
    ExecutionError where the engine refuses the statement, and BadInput for a database that cannot be opened.
    """
    known = database_of(database, timeout_s, max_rows)
    with known.open() as connection:
        return connection.run(lower(parse(pipe_sql), known.schema, known.dialect))


@dataclass(frozen=True)
class Prefix:
    """The table after one operator, or the reason why there is none (`error`; the other fields are then empty).

    `number` counts operators from 1. `row_count` is of the whole table, `rows` holds the first of them; `ordered` says
    whether the query defines their order. `sql` is the prefix in the engine's SQL, `seconds` what both statements took.
    """

    number: int
    operator: str
    columns: tuple[str, ...] = ()
    row_count: int = 0
    rows: tuple[tuple[Any, ...], ...] = ()
    ordered: bool = False
    sql: str = ""
    seconds: float = 0.0
    error: str = ""


def explain(
    pipe_sql: str, database: Database | Path | str, *, rows: int = 3, timeout_s: float | None = None
) -> Iterator[Prefix]:
    """The table after every operator, as it is computed: every prefix of a pipe query is a query.

    The last Prefix carries the error if the query fails there. `rows` is how many rows each shows, `timeout_s` the
    seconds that each statement may take (without it the database's own limit, or 5).

    >>> for prefix in pipesql.explain("FROM singer |> WHERE age > 30 |> SELECT nam", "music.sqlite"):
    ...     print(prefix.number, prefix.operator, prefix.error or prefix.row_count)
    1 FROM singer 3
    2 WHERE age > 30 2
    3 SELECT nam operator 3: ... did you mean name?

    Raises BadInput for a database that cannot be opened, and SqlSyntaxError for text that cannot even be cut into
    operators.
    """
    known = database_of(database, timeout_s, max(rows, 1))
    schema = known.schema
    with known.open() as connection:
        for number, (text, shown) in enumerate(_prefixes(pipe_sql), 1):
            try:
                query = parse(text)
                shown = print_operators(query)[-1].removeprefix("|> ")
                yield _prefix(number, shown, query, schema, connection, rows)
            except PipesqlError as e:
                yield Prefix(number, shown, error=str(e))
                return


def last_prefix(operators: Sequence[str], database: Database, rows: int) -> Prefix:
    """The table after the last of these operators, or the reason why there is none."""
    shown = operators[-1].removeprefix("|> ")
    try:
        query = parse_operators(operators)
        shown = print_operators(query)[-1].removeprefix("|> ")
        with database_of(database, max_rows=max(rows, 1)).open() as connection:
            return _prefix(len(operators), shown, query, database.schema, connection, rows)
    except PipesqlError as error:
        return Prefix(len(operators), shown, error=str(error))


def _prefixes(text: str) -> Iterator[tuple[str, str]]:
    """The text up to each `|>` outside brackets and last the whole text, each with the operator that ends it."""
    for segment in split(tokens(text, "bigquery"), TokenType.PIPE_GT):
        if not segment:
            yield text, ""  # two pipes in a row: the parser says so
            return
        end = segment[-1].end + 1
        yield text[:end], text[segment[0].start : end]


def _prefix(number: int, shown: str, query: PipeQuery, schema: Schema, connection: Connection, rows: int) -> Prefix:
    scope = resolve(query, schema)[-1]
    few = lower_tree(query, schema, connection.dialect)
    held = few.args.get("limit")
    if held is None or int(held.expression.name) > rows:
        few.set("limit", exp.Limit(expression=exp.Literal.number(rows)))
    result = connection.run(write(few, connection.dialect))
    counted = connection.run(write(_count(lower_tree(query, schema, connection.dialect)), connection.dialect))
    return Prefix(
        number=number,
        operator=shown,
        columns=tuple(c.name or "(unnamed)" for c in scope.columns),
        row_count=counted.rows[0][0],
        rows=tuple(result.rows),
        ordered=scope.ordered,
        sql=lower(query, schema, connection.dialect),
        seconds=result.seconds + counted.seconds,
    )


def _count(whole: exp.Query) -> exp.Query:
    """The query that counts another's rows."""
    table = exp.Subquery(this=whole, alias=exp.TableAlias(this=exp.to_identifier("t")))
    return exp.select(exp.Count(this=exp.Star())).from_(table)


@dataclass(frozen=True)
class Comparison:
    """Whether two results are equal; true where they are. `difference` is the kind of difference, else empty:
    `columns` (another number of them), `rows`, `order`, or `undecidable` (the first query has several right answers).
    """

    difference: str = ""

    def __bool__(self) -> bool:
        return not self.difference


def equal_results(
    gold_sql: str,
    pipe_sql: str,
    database: Database | Path | str,
    *,
    timeout_s: float | None = None,
    max_rows: int | None = None,
) -> Comparison:
    """Whether a pipe query returns what a standard query of the database's own dialect returns.

    Rows are equal as a multiset; where the gold query orders, in its order, with ties in any order among themselves.
    Names of columns do not matter; numbers are equal up to a relative 1e-6 where a column holds a float. The limits are
    the database's own unless they are given; those of a path or URL are 5 seconds and 100,000 rows.

    >>> bool(pipesql.equal_results("SELECT name FROM singer", "FROM singer |> SELECT name", "music.sqlite"))
    True
    >>> pipesql.equal_results("SELECT name FROM singer", "FROM singer |> SELECT age", "music.sqlite").difference
    'rows'

    Raises SqlError, ExecutionError and BadInput as `run` does, of either query.
    """
    from pipesql.execution.compare import compare

    known = database_of(database if isinstance(database, Database) else Database(database), timeout_s, max_rows)
    with known.open() as connection:
        gold = connection.run(gold_sql)
        other = connection.run(lower(parse(pipe_sql), known.schema, known.dialect))
        return Comparison(compare(gold_sql, gold, other, connection.run, known.dialect) or "")
