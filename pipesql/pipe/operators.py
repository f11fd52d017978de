"""The pipe operators. Each takes the table so far and gives the next one; expressions are sqlglot trees.

Names follow GoogleSQL's pipe syntax reference. An operator holds what was written, unresolved: `scope.resolve`
says what its names mean, `lower` what it does in an engine. What is written stays as it is written: reading and
printing give GoogleSQL's parser the same tree. The normal form of training text is the decompiler's doing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe.googlesql_operators import Argument as Argument
from pipesql.pipe.googlesql_operators import Assert as Assert
from pipesql.pipe.googlesql_operators import Call as Call
from pipesql.pipe.googlesql_operators import Describe as Describe
from pipesql.pipe.googlesql_operators import Fork as Fork
from pipesql.pipe.googlesql_operators import If as If
from pipesql.pipe.googlesql_operators import Log as Log
from pipesql.pipe.googlesql_operators import Path as Path
from pipesql.pipe.googlesql_operators import Pivot as Pivot
from pipesql.pipe.googlesql_operators import TableSample as TableSample
from pipesql.pipe.googlesql_operators import Tee as Tee
from pipesql.pipe.googlesql_operators import Unpivot as Unpivot
from pipesql.pipe.googlesql_operators import UnpivotGroup as UnpivotGroup
from pipesql.pipe.googlesql_operators import Write as Write
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline


@dataclass(frozen=True)
class Join:
    """`|> [kind] JOIN source ON on | USING (using)`.

    `kind` is empty for a plain JOIN, or INNER, LEFT, RIGHT, FULL, CROSS; inside a FROM it may be COMMA.
    """

    kind: str
    source: exp.Expr
    on: exp.Expr | None = None
    using: tuple[str, ...] = ()
    natural: bool = False


@dataclass(frozen=True)
class From:
    """`FROM source [joins]`: a table, a CTE, a function's table or a query in brackets, each with an optional alias."""

    source: exp.Expr
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Nested:
    """`(query) [AS alias]`: a whole query in brackets to go on with; only as the first operator."""

    query: PipeQuery
    alias: str = ""


@dataclass(frozen=True)
class Block:
    """A standard query to go on with, `SELECT … FROM …` or set operations of such; only as the first operator.

    Queries in brackets inside it are leaves (`query.nest`). A SELECT that needs no table and has no further clause is
    a `Select` instead. Text with a block in it is not pure pipe SQL (`purity`).
    """

    query: exp.Query


@dataclass(frozen=True)
class Where:
    """`|> WHERE condition`: keeps the rows for which it is true."""

    condition: exp.Expr


@dataclass(frozen=True)
class Extend:
    """`|> EXTEND expression [AS name], … [WINDOW name AS (…), …]`: adds columns; items do not see each other."""

    items: tuple[exp.Expr, ...]
    windows: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Window:
    """`|> WINDOW function OVER (…) [AS name], …`: EXTEND in its older spelling for window functions."""

    items: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Set:
    """`|> SET column = expression, …`: replaces columns in place."""

    assignments: tuple[tuple[str, exp.Expr], ...]


@dataclass(frozen=True)
class Drop:
    """`|> DROP column, …`."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Rename:
    """`|> RENAME old AS new, …`."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Select:
    """`|> SELECT [DISTINCT] [AS STRUCT|VALUE] expression [AS name], … [WINDOW …]`; needs no table if it comes first.

    `shape` is empty, STRUCT or VALUE.
    """

    items: tuple[exp.Expr, ...]
    distinct: bool = False
    shape: str = ""
    windows: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class Suffix:
    """`[ASC|DESC] [NULLS FIRST|LAST]` behind a GROUP BY key or an AGGREGATE item; None where not written."""

    desc: bool | None = None
    nulls_first: bool | None = None


@dataclass(frozen=True)
class Aggregate:
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
class OrderBy:
    """`|> ORDER BY key [ASC|DESC] [NULLS FIRST|LAST], …` (sqlglot `Ordered` nodes)."""

    keys: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Limit:
    """`|> LIMIT count [OFFSET offset]`: whole numbers, or parameters that only printing can take."""

    count: int | exp.Expr
    offset: int | exp.Expr = 0


@dataclass(frozen=True)
class Distinct:
    """`|> DISTINCT`: one of each row."""


@dataclass(frozen=True)
class SetOperation:
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
class RecursiveUnion:
    """`|> RECURSIVE UNION ALL|DISTINCT (query) [AS alias]`: the rows so far, then what the query makes of new rows.

    `query` reads the new rows as the table `alias`, or, as a `Subpipeline`, goes on from them.
    """

    distinct: bool
    query: PipeQuery | Subpipeline
    alias: str = ""
    matching: str = ""


@dataclass(frozen=True)
class As:
    """`|> AS name`: one range variable for all columns, in place of those before."""

    name: str


@dataclass(frozen=True)
class With:
    """`|> WITH [RECURSIVE] name AS (query), …`: tables for the operators after it."""

    ctes: tuple[Cte, ...]
    recursive: bool = False


Operator = (
    From
    | Nested
    | Block
    | Join
    | Where
    | Extend
    | Window
    | Set
    | Drop
    | Rename
    | Select
    | Aggregate
    | OrderBy
    | Limit
    | Distinct
    | SetOperation
    | RecursiveUnion
    | As
    | With
    | Call
    | TableSample
    | Pivot
    | Unpivot
    | Assert
    | Describe
    | Log
    | Tee
    | Fork
    | If
    | Write
)


_KEYWORDS: dict[type, str] = {OrderBy: "ORDER BY", RecursiveUnion: "RECURSIVE UNION", Nested: "a query in brackets"}


def keyword(operator: Operator) -> str:
    """How the operator is called in GoogleSQL, for messages."""
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
