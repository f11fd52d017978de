"""The pipe operators. Each takes the table so far and gives the next one; expressions are sqlglot trees.

Names follow GoogleSQL's pipe syntax reference. An operator holds what was written, unresolved: `scope.resolve`
says what its names mean, `lower` what it does in an engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe.query import PipeQuery


@dataclass(frozen=True)
class From:
    """`FROM source`: a table, a CTE or a parenthesised pipe query, with an optional alias."""

    source: exp.Expr


@dataclass(frozen=True)
class Join:
    """`|> [kind] JOIN source ON on | USING (using)`; kind is INNER, LEFT, RIGHT, FULL or CROSS."""

    kind: str
    source: exp.Expr
    on: exp.Expr | None = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Where:
    """`|> WHERE condition`: keeps the rows for which it is true."""

    condition: exp.Expr


@dataclass(frozen=True)
class Extend:
    """`|> EXTEND expression [AS name], …`: adds columns; items do not see each other."""

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
    """`|> SELECT [DISTINCT] expression [AS name], …`; as the first operator it needs no table."""

    items: tuple[exp.Expr, ...]
    distinct: bool = False


@dataclass(frozen=True)
class Aggregate:
    """`|> AGGREGATE items GROUP BY keys`: gives the keys, then the items."""

    items: tuple[exp.Expr, ...]
    keys: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True)
class OrderBy:
    """`|> ORDER BY key [ASC|DESC] [NULLS FIRST|LAST], …` (sqlglot `Ordered` nodes)."""

    keys: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Limit:
    """`|> LIMIT count [OFFSET offset]`."""

    count: int
    offset: int = 0


@dataclass(frozen=True)
class Distinct:
    """`|> DISTINCT`: one of each row."""


@dataclass(frozen=True)
class SetOperation:
    """`|> UNION|INTERSECT|EXCEPT ALL|DISTINCT (query), …`: columns match by position."""

    kind: str
    distinct: bool
    queries: tuple[PipeQuery, ...]


@dataclass(frozen=True)
class As:
    """`|> AS name`: one range variable for all columns, in place of those before."""

    name: str


Operator = (
    From
    | Join
    | Where
    | Extend
    | Set
    | Drop
    | Rename
    | Select
    | Aggregate
    | OrderBy
    | Limit
    | Distinct
    | SetOperation
    | As
)
