"""A golden pair as the rules use it: its gold as a tree, with the schema of its database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.augment.wording import readable
from pipesql.errors import ExecutionError
from pipesql.execution.connection import Connection
from pipesql.execution.database import Database
from pipesql.pipe.schema import Column, Schema, Table
from pipesql.records import GoldenPair

MOST_VALUES = 200
"""Number of values of a column that are read."""


@dataclass(frozen=True)
class Change:
    """A proposed question and gold. `others` are the parents other than the pair itself."""

    question: str
    tree: exp.Query
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One pair and its database. `values` gives some values of a column of a table, in order."""

    pair: GoldenPair
    tree: exp.Query
    schema: Schema
    values: Callable[[Table, Column], Sequence[Any]]

    @cached_property
    def simple(self) -> exp.Select | None:
        """The gold, if it is one SELECT over tables, without nested queries, WITH and set operations."""
        tree = self.tree
        if not isinstance(tree, exp.Select) or sum(1 for _ in tree.find_all(exp.Select)) != 1:
            return None
        return tree if tree.args.get("from_") is not None and not list(tree.find_all(exp.Lateral, exp.Values)) else None

    @cached_property
    def single(self) -> Table | None:
        """The table of a simple gold that reads only one."""
        found = list(self.tree.find_all(exp.Table))
        return self.schema.table(found[0].name) if self.simple is not None and len(found) == 1 else None

    def table_of(self, column: exp.Column) -> Table | None:
        """The table that a column belongs to; None if that is not certain."""
        select = column.parent_select
        sources = [t for t in (select.find_all(exp.Table) if select is not None else ()) if t.parent_select is select]
        tables = [self.schema.table(t.name) for t in sources if not column.table or _alias(t) == column.table.lower()]
        having = [t for t in tables if t is not None and t.column(column.name) is not None]
        return having[0] if len(having) == 1 and None not in tables else None

    def names(self) -> list[str]:
        """The readable names of all tables and columns."""
        return [readable(t.name) for t in self.schema] + [readable(c.name) for t in self.schema for c in t.columns]


def _alias(table: exp.Table) -> str:
    return str(table.alias_or_name).lower()


def parsed(pair: GoldenPair, database: Database) -> exp.Query | None:
    """The gold as a tree, SQLite's texts in double quotes as literals; None if sqlglot cannot read it."""
    try:
        tree = sqlglot.parse_one(pair.gold_sql, read=database.dialect)
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Query):
        return None
    names = {c.name.lower() for table in database.schema for c in table.columns} | set(tree.named_selects)

    def text(node: exp.Expr) -> exp.Expr:
        quoted = isinstance(node, exp.Column) and not node.table and bool(node.this.args.get("quoted"))
        return exp.Literal.string(node.name) if quoted and node.name.lower() not in names else node

    return tree.transform(text) if database.dialect == "sqlite" else tree


def reader(connection: Connection) -> Callable[[Table, Column], Sequence[Any]]:
    """A function that reads up to `MOST_VALUES` values of a column, each once, in order."""

    def values(table: Table, column: Column) -> Sequence[Any]:
        name = exp.column(exp.to_identifier(column.name, quoted=True))
        query = exp.select(name).distinct().from_(exp.to_identifier(table.name, quoted=True))
        query = query.where(exp.Not(this=exp.Is(this=name.copy(), expression=exp.Null()))).order_by(name.copy())
        try:
            return [row[0] for row in connection.run(query.limit(MOST_VALUES).sql(connection.dialect)).rows]
        except ExecutionError:
            return []

    return values
