"""The pipe operators. Each takes the table so far and gives the next one; expressions are sqlglot trees.

Names follow GoogleSQL's pipe syntax reference. An operator holds what is written, unresolved, so that reading and
printing give GoogleSQL's parser the same tree; `resolving` finds out what its names mean, `lowering` what it does in an
engine. The normal form of training text is the decompiler's work.

To add an operator, write its class here, its reader in `reading`, its text in `printing`, its scope in `resolving` and
what it becomes in `lowering`; `walk` finds its parts by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe.query import Cte, Part, PipeQuery, Subpipeline
from pipesql.pipe.query import Operator as Operator


@dataclass(frozen=True)
class Join(Operator):
    """`|> [kind] JOIN source ON on | USING (using)`.

    `kind` is empty for a plain JOIN, or INNER, LEFT, RIGHT, FULL, CROSS; inside a FROM it may be COMMA.
    """

    kind: str
    source: exp.Expr
    on: exp.Expr | None = None
    using: tuple[str, ...] = ()
    natural: bool = False


@dataclass(frozen=True)
class From(Operator):
    """`FROM source [joins]`: a table, a CTE, a function's table or a query in brackets, each with an optional alias."""

    source: exp.Expr
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Nested(Operator):
    """`(query) [AS alias]`: a whole query in brackets, continued by operators; only as the first operator."""

    query: PipeQuery
    alias: str = ""


@dataclass(frozen=True)
class Block(Operator):
    """A standard query, continued by operators: `SELECT … FROM …` or set operations; only as the first operator.

    Queries in brackets inside it are leaves (`query.nest`). A SELECT that needs no table and has no further clause is
    a `Select` instead. Text with a block in it is not pure pipe SQL (`walk.require_pure`).
    """

    query: exp.Query


@dataclass(frozen=True)
class Where(Operator):
    """`|> WHERE condition`: keeps the rows for which it is true."""

    condition: exp.Expr


@dataclass(frozen=True)
class Extend(Operator):
    """`|> EXTEND expression [AS name], … [WINDOW name AS (…), …]`: adds columns; items do not see each other."""

    items: tuple[exp.Expr, ...]
    windows: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Window(Operator):
    """`|> WINDOW function OVER (…) [AS name], …`: EXTEND in its older spelling for window functions."""

    items: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Set(Operator):
    """`|> SET column = expression, …`: replaces columns in place."""

    assignments: tuple[tuple[str, exp.Expr], ...]


@dataclass(frozen=True)
class Drop(Operator):
    """`|> DROP column, …`."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Rename(Operator):
    """`|> RENAME old AS new, …`."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Select(Operator):
    """`|> SELECT [DISTINCT] [AS STRUCT|VALUE] expression [AS name], … [WINDOW …]`; needs no table if it comes first.

    `shape` is empty, STRUCT or VALUE.
    """

    items: tuple[exp.Expr, ...]
    distinct: bool = False
    shape: str = ""
    windows: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Suffix(Part):
    """`[ASC|DESC] [NULLS FIRST|LAST]` behind a GROUP BY key or an AGGREGATE item; None where not written."""

    desc: bool | None = None
    nulls_first: bool | None = None


@dataclass(frozen=True)
class Aggregate(Operator):
    """`|> AGGREGATE items GROUP [AND ORDER] BY keys`: gives the keys, then the items.

    A key may be `exp.Rollup`, `exp.Cube`, `exp.GroupingSets` or an empty `exp.Tuple`. `item_order` and `key_order` are
    empty where no suffix is written, else as long as `items` and `keys`. `and_order` sorts by all keys.
    """

    items: tuple[exp.Expr, ...]
    keys: tuple[exp.Expr, ...] = ()
    item_order: tuple[Suffix | None, ...] = ()
    key_order: tuple[Suffix | None, ...] = ()
    and_order: bool = False


@dataclass(frozen=True)
class OrderBy(Operator):
    """`|> ORDER BY key [ASC|DESC] [NULLS FIRST|LAST], …` (sqlglot `Ordered` nodes)."""

    keys: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Limit(Operator):
    """`|> LIMIT count [OFFSET offset]`: whole numbers, or parameters that only printing can take."""

    count: int | exp.Expr
    offset: int | exp.Expr = 0


@dataclass(frozen=True)
class Distinct(Operator):
    """`|> DISTINCT`: one of each row."""


@dataclass(frozen=True)
class SetOperation(Operator):
    """`|> [side] UNION|INTERSECT|EXCEPT ALL|DISTINCT [STRICT] [BY NAME | CORRESPONDING …] (query), …`.

    Columns match by position, or by name where `matching` is "BY NAME" or "CORRESPONDING", of the names `on` alone if
    there are any; `side` is empty, INNER, LEFT or FULL.
    """

    kind: str
    distinct: bool
    queries: tuple[PipeQuery, ...]
    matching: str = ""
    side: str = ""
    strict: bool = False
    on: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecursiveUnion(Operator):
    """`|> RECURSIVE UNION ALL|DISTINCT (query) [AS alias]`: the rows so far, then what the query makes of new rows.

    `query` reads the new rows as the table `alias`, or, as a `Subpipeline`, continues from them.
    """

    distinct: bool
    query: PipeQuery | Subpipeline
    alias: str = ""
    matching: str = ""


@dataclass(frozen=True)
class As(Operator):
    """`|> AS name`: one range variable for all columns, in place of those before."""

    name: str


@dataclass(frozen=True)
class With(Operator):
    """`|> WITH [RECURSIVE] name AS (query), …`: tables for the operators after it."""

    ctes: tuple[Cte, ...]
    recursive: bool = False


@dataclass(frozen=True)
class Assert(Operator):
    """`|> ASSERT condition, message, …`: the query fails if the condition is not true for a row."""

    condition: exp.Expr
    messages: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Describe(Operator):
    """`|> DESCRIBE` or `|> STATIC_DESCRIBE`: what the table is, for people."""

    static: bool = False


@dataclass(frozen=True)
class Log(Operator):
    """`|> LOG [(|> …)]`: shows the table (or what the pipeline makes of it) and passes it on."""

    pipeline: Subpipeline | None = None


@dataclass(frozen=True)
class Tee(Operator):
    """`|> TEE [(|> …), …]`: runs pipelines on the table and passes it on."""

    pipelines: tuple[Subpipeline, ...] = ()


@dataclass(frozen=True)
class Fork(Operator):
    """`|> FORK (|> …), …`: ends the query with several results."""

    pipelines: tuple[Subpipeline, ...]


@dataclass(frozen=True)
class If(Operator):
    """`|> IF condition THEN (|> …) [ELSEIF …] [ELSE (|> …)]`: conditions are constants."""

    branches: tuple[tuple[exp.Expr, Subpipeline], ...]
    otherwise: Subpipeline | None = None


@dataclass(frozen=True)
class Write(Operator):
    """`|> CREATE TABLE …`, `|> INSERT INTO …`, `|> EXPORT DATA …`: sqlglot's statement without its query."""

    statement: exp.Expr


@dataclass(frozen=True)
class Argument(Part):
    """One argument of a table function: `[name =>] [TABLE|MODEL|CONNECTION|DESCRIPTOR|INPUT TABLE] value`.

    `value` is None for INPUT TABLE.
    """

    value: exp.Expr | None
    kind: str = ""
    name: str = ""


@dataclass(frozen=True)
class Call(Operator):
    """`|> CALL function(arguments) [AS alias]`: a table function with the table so far as its input."""

    function: tuple[str, ...]
    arguments: tuple[Argument, ...]
    alias: str = ""


@dataclass(frozen=True)
class TableSample(Operator):
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
class Pivot(Operator):
    """`|> PIVOT (aggregates FOR subject IN (values)) [AS alias]`: a column for each aggregate and value."""

    aggregates: tuple[exp.Expr, ...]
    subject: exp.Expr
    values: tuple[exp.Expr, ...]
    alias: str = ""


class Path(str):
    """Names between dots where UNPIVOT needs one column: GoogleSQL's parser accepts them, its analyzer never does."""

    def __new__(cls, parts: tuple[str, ...]) -> Path:
        """The path of these names."""
        path = super().__new__(cls, ".".join(parts))
        path.parts = parts
        return path

    parts: tuple[str, ...]


@dataclass(frozen=True)
class UnpivotGroup(Part):
    """Columns that become one row of UNPIVOT, and the literal in its name column (else the columns' names)."""

    columns: tuple[str, ...]
    label: exp.Expr | None = None


@dataclass(frozen=True)
class Unpivot(Operator):
    """`|> UNPIVOT [INCLUDE|EXCLUDE NULLS] (values FOR name IN (columns [AS label], …)) [AS alias]`.

    `nulls` is empty, INCLUDE or EXCLUDE (the default).
    """

    values: tuple[str, ...]
    name: str
    groups: tuple[UnpivotGroup, ...]
    nulls: str = ""
    alias: str = ""


_KEYWORDS: dict[type, str] = {OrderBy: "ORDER BY", RecursiveUnion: "RECURSIVE UNION", Nested: "a query in brackets"}


def keyword(operator: Operator) -> str:
    """The operator's name in GoogleSQL, for messages."""
    match operator:
        case SetOperation(kind):
            return kind
        case Block():
            return "a standard SELECT"
        case Describe(static):
            return "STATIC_DESCRIBE" if static else "DESCRIBE"
        case Write(statement):
            return {"create": "CREATE TABLE", "insert": "INSERT"}.get(statement.key, "EXPORT DATA")
    return _KEYWORDS.get(type(operator), type(operator).__name__.upper())
