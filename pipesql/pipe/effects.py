"""The operators that do something beside the table: ASSERT, DESCRIBE, LOG, TEE, FORK, IF, and those that write."""

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
