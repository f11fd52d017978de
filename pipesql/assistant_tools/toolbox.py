"""The toolbox runs the tools on one database: a name and arguments in, a JSON text out.

Results, one JSON object each:

`list_tables`        {"tables": [name, …]}
`describe_table`     {"schema": the table as in a prompt, "rows": number}
`sample_data`        {"columns": […], "rows": [[…], …]}
`execute_pipe_sql`   {"columns": […], "rows": [[…], …], "row_count": number}
`validate_pipe_sql`  {"valid": true, "columns": […]}
any of them          {"error": sentence}, where it cannot be done

A result names what it leaves out: `note` counts rows and names that are not shown, and a value that is cut ends in
`… (N characters)`. Everything is read-only. A sentence in `error` is for the assistant to act on; what it cannot mend
(the database does not exist any more) is raised instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from sqlglot import exp

from pipesql.assistant_tools.specs import SPECS, argument_error
from pipesql.chat.prompts import quoted, schema_text
from pipesql.errors import ExecutionError, QueryTimeout, SqlError
from pipesql.execution.connection import Connection, QueryLimits
from pipesql.execution.database import Database
from pipesql.pipe.engines import write
from pipesql.pipe.lowering.lower import lower_tree
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.read import read_text
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema, Table
from pipesql.pipe.scope import unknown_name

UNCOUNTED = "counting all rows takes too long"
"""Takes the place of the number in a note."""


@dataclass(frozen=True)
class ToolLimits:
    """How much a tool may use and show: seconds per statement, rows, names, characters of one value."""

    seconds: float = 5.0
    rows: int = 3
    names: int = 100
    characters: int = 60


class Toolbox:
    """The tools on one database. A context manager; or call `close`. Raises BadInput when it cannot be read."""

    def __init__(self, database: Database, limits: ToolLimits | None = None) -> None:
        self.limits = limits or ToolLimits()
        self.schema: Schema = database.schema
        self._connection = database.open(QueryLimits(self.limits.seconds, max_rows=1_000))
        self._run: dict[str, Callable[..., dict[str, Any]]] = {
            "list_tables": self.list_tables,
            "describe_table": self.describe_table,
            "sample_data": self.sample_data,
            "execute_pipe_sql": self.execute_pipe_sql,
            "validate_pipe_sql": self.validate_pipe_sql,
        }

    def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """The result of a tool as JSON text, the same for the same call and database."""
        return json.dumps(self._answer(name, dict(arguments)), ensure_ascii=False)

    def _answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        spec = next((s for s in SPECS if s["function"]["name"] == name), None)
        if spec is None:
            return {"error": f"there is no tool {name}; there are {', '.join(self._run)}"}
        if wrong := argument_error(spec, arguments):
            return {"error": wrong}
        try:
            return self._run[name](**arguments)
        except (SqlError, ExecutionError) as e:
            return {"error": str(e)}

    def list_tables(self) -> dict[str, Any]:
        """The names of all tables, as a query writes them."""
        names = [quoted(table.name) for table in self.schema]
        shown = names[: self.limits.names]
        return {"tables": shown} | _note(len(shown), len(names), "tables")

    def describe_table(self, table: str) -> dict[str, Any]:
        """A table's line of the prompt, and how many rows it has."""
        found = self._table(table)
        count = first_rows(_all_of(found), self.schema, self._connection, 1).count
        return {"schema": schema_text(Schema((found,)))} | ({"note": UNCOUNTED} if count is None else {"rows": count})

    def sample_data(self, table: str, limit: int = 3) -> dict[str, Any]:
        """The first rows of a table."""
        found = first_rows(_all_of(self._table(table)), self.schema, self._connection, limit)
        return {"columns": list(found.columns), "rows": self._shown(found)}

    def execute_pipe_sql(self, query: str) -> dict[str, Any]:
        """The first rows of a query, and how many it has."""
        found = first_rows(read_text(query), self.schema, self._connection, self.limits.rows)
        shown = {"columns": list(found.columns), "rows": self._shown(found)}
        if found.count is None:
            return shown | {"note": f"{len(found.rows)} rows shown; {UNCOUNTED}"}
        return shown | {"row_count": found.count} | _note(len(found.rows), found.count, "rows")

    def validate_pipe_sql(self, query: str) -> dict[str, Any]:
        """Whether a query parses and resolves; nothing is run."""
        scope = resolve(read_text(query), self.schema)[-1]
        return {"valid": True, "columns": [column.name for column in scope.columns]}

    def _table(self, name: str) -> Table:
        found = self.schema.table(name.strip("`"))
        if found is None:
            raise unknown_name(name, "table", name, [table.name for table in self.schema])
        return found

    def _shown(self, found: FirstRows) -> list[list[Any]]:
        return [[self._value(value) for value in row] for row in found.rows]

    def _value(self, value: Any) -> Any:
        """A value in a form that JSON can hold, cut where it is too long to show."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if value == value and abs(value) != float("inf") else str(value)
        text = f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
        most = self.limits.characters
        return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Toolbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _all_of(table: Table) -> PipeQuery:
    return parse(f"FROM {quoted(table.name)}")


def _note(shown: int, there: int, what: str) -> dict[str, str]:
    return {"note": f"{shown} of {there} {what} shown"} if shown < there else {}


@dataclass(frozen=True)
class FirstRows:
    """Column names as the engine gives them, the first rows, and the number of all rows: None where counting them
    takes longer than the deadline."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int | None


def first_rows(query: PipeQuery, schema: Schema, connection: Connection, limit: int) -> FirstRows:
    """Run a query for up to `limit` rows, and count all, without fetching the rest.

    Raises SqlError where it does not resolve, ExecutionError where the engine refuses it or its first rows take longer
    than the deadline.
    """
    result = connection.run(few(query, schema, connection.dialect, limit))
    if len(result.rows) < limit:
        return FirstRows(result.columns, result.rows, len(result.rows))
    whole = exp.Subquery(
        this=lower_tree(query, schema, connection.dialect), alias=exp.TableAlias(this=exp.to_identifier("t"))
    )
    count = exp.select(exp.Count(this=exp.Star())).from_(whole)
    try:
        counted = connection.run(write(count, connection.dialect))
    except QueryTimeout:
        return FirstRows(result.columns, result.rows, None)
    return FirstRows(result.columns, result.rows, int(counted.rows[0][0]))


def few(query: PipeQuery, schema: Schema, dialect: str, limit: int) -> str:
    """The SQL that returns up to `limit` rows of the query, in its order. Raises SqlError."""
    tree = lower_tree(query, schema, dialect)
    held = tree.args.get("limit")
    own = held.expression if held is not None else None
    if held is None or (isinstance(own, exp.Literal) and int(own.name) > limit):
        tree.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
    return write(tree, dialect)
