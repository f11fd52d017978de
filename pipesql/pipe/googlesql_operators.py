"""The operators that do something beside the table: ASSERT, DESCRIBE, LOG, TEE, FORK, IF, and those that write.

The operators that make another table of the whole one before: CALL, TABLESAMPLE, PIVOT, UNPIVOT.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe.query import Subpipeline


@dataclass(frozen=True)
class Assert:
    """`|> ASSERT condition, message, …`: the query fails if the condition is not true for a row."""

    condition: exp.Expr
    messages: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Describe:
    """`|> DESCRIBE` or `|> STATIC_DESCRIBE`: what the table is, for people."""

    static: bool = False


@dataclass(frozen=True)
class Log:
    """`|> LOG [(|> …)]`: shows the table (or what the pipeline makes of it) and passes it on."""

    pipeline: Subpipeline | None = None


@dataclass(frozen=True)
class Tee:
    """`|> TEE [(|> …), …]`: runs pipelines on the table and passes it on."""

    pipelines: tuple[Subpipeline, ...] = ()


@dataclass(frozen=True)
class Fork:
    """`|> FORK (|> …), …`: ends the query with several results."""

    pipelines: tuple[Subpipeline, ...]


@dataclass(frozen=True)
class If:
    """`|> IF condition THEN (|> …) [ELSEIF …] [ELSE (|> …)]`: conditions are constants."""

    branches: tuple[tuple[exp.Expr, Subpipeline], ...]
    otherwise: Subpipeline | None = None


@dataclass(frozen=True)
class Write:
    """`|> CREATE TABLE …`, `|> INSERT INTO …`, `|> EXPORT DATA …`: sqlglot's statement without its query."""

    statement: exp.Expr


@dataclass(frozen=True)
class Argument:
    """One argument of a table function: `[name =>] [TABLE|MODEL|CONNECTION|DESCRIPTOR|INPUT TABLE] value`.

    `value` is None for INPUT TABLE.
    """

    value: exp.Expr | None
    kind: str = ""
    name: str = ""


@dataclass(frozen=True)
class Call:
    """`|> CALL function(arguments) [AS alias]`: a table function with the table so far as its input."""

    function: tuple[str, ...]
    arguments: tuple[Argument, ...]
    alias: str = ""


@dataclass(frozen=True)
class TableSample:
    """`|> TABLESAMPLE method (size PERCENT|ROWS [PARTITION BY …]) [WITH WEIGHT [AS name]] [REPEATABLE (seed)]`.

    `weight` is None where not written, empty where it has no name.
    """

    method: str
    size: exp.Expr
    unit: str
    partition: tuple[exp.Expr, ...] = ()
    weight: str | None = None
    seed: exp.Expr | None = None


@dataclass(frozen=True)
class Pivot:
    """`|> PIVOT (aggregates FOR subject IN (values)) [AS alias]`: a column for each aggregate and value."""

    aggregates: tuple[exp.Expr, ...]
    subject: exp.Expr
    values: tuple[exp.Expr, ...]
    alias: str = ""


class Path(str):
    """Names between dots where UNPIVOT wants one column: GoogleSQL's parser takes them, its analyzer never does."""

    def __new__(cls, parts: tuple[str, ...]) -> Path:
        """The path of these names."""
        path = super().__new__(cls, ".".join(parts))
        path.parts = parts
        return path

    parts: tuple[str, ...]


@dataclass(frozen=True)
class UnpivotGroup:
    """Columns that become one row of UNPIVOT, and the literal in its name column (else the columns' names)."""

    columns: tuple[str, ...]
    label: exp.Expr | None = None


@dataclass(frozen=True)
class Unpivot:
    """`|> UNPIVOT [INCLUDE|EXCLUDE NULLS] (values FOR name IN (columns [AS label], …)) [AS alias]`.

    `nulls` is empty, INCLUDE or EXCLUDE (the default).
    """

    values: tuple[str, ...]
    name: str
    groups: tuple[UnpivotGroup, ...]
    nulls: str = ""
    alias: str = ""
