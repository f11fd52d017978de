"""Which of the answer's names exist? Tables and columns of its syntax tree, in the schema or named by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName
from pipesql.execution.connection import Connection
from pipesql.execution.database import Database
from pipesql.finetune.grpo.rewards.answers import read
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema, Table
from pipesql.pipe.walk import Walked, parts
from pipesql.records import GoldenPair


def schema_adherence(text: str, pair: GoldenPair, connection: Connection) -> float:
    """The share of the different names in the text that exist; 0 where it is no pipe SQL, or names nothing.

    Where the resolver knows them all, that is 1. Else a table exists in the schema or in a WITH; a column in a table
    that the query reads, or where the query made it by AS; a column behind a range variable in that variable's table.
    Where all exist so, but not in the place where the resolver met them, one counts as missing.
    """
    query = read(text)
    if query is None:
        return 0.0
    schema = Database(pair.database).schema
    refused = False
    try:
        resolve(query, schema)
    except UnknownName:
        refused = True
    except SqlError:
        pass  # refused, but not for a name
    names = _Names()
    names.collect(query)
    used = names.used()
    if not used:
        return 0.0
    if not refused:
        return 1.0
    return 1 - max(1, sum(not names.exists(name, schema) for name in used)) / len(used)


@dataclass
class _Names:
    """The names in a query, in lower case."""

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    """(range variable or "", column)."""
    variables: dict[str, str] = field(default_factory=dict)
    """Range variable → the table that it stands for, or "" for what is no table of the schema."""
    with_names: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    """Columns that the query names itself."""

    def used(self) -> list[tuple[str, ...]]:
        """Every different name that is used: `(table,)` or `(variable, column)`."""
        return [*((table,) for table in sorted(self.tables)), *sorted(self.columns)]

    def exists(self, name: tuple[str, ...], schema: Schema) -> bool:
        """Whether a name of `used` means something."""
        if len(name) == 1:
            return name[0] in self.with_names or schema.table(name[0]) is not None
        variable, column = name
        if variable and variable not in self.variables:
            return False
        table = schema.table(self.variables.get(variable, ""))
        if table is not None:
            return table.column(column) is not None
        return column in self.made or any(read.column(column) for read in self._read(schema))

    def _read(self, schema: Schema) -> list[Table]:
        return [table for name in self.tables if (table := schema.table(name)) is not None]

    def collect(self, part: Walked) -> None:
        """Take in the names of an operator, a query or an expression, and of all that is in it."""
        match part:
            case exp.Expr():
                self._expression(part)
            case op.Drop(dropped):
                self._columns(dropped)
            case op.Rename(pairs):
                self._columns(old for old, _ in pairs)
                self.made |= {new.lower() for _, new in pairs}
            case op.Set(assignments):
                self._columns(name for name, _ in assignments)
            case op.Join(using=using):
                self._columns(using)
            case op.As(name) | op.Nested(alias=name):
                self._variable(name)
            case op.RecursiveUnion(alias=name) | Cte(name=name):
                self.with_names.add(name.lower())
                self._variable(name)
        for each in parts(part):
            self.collect(each)

    def _columns(self, names: Iterable[str]) -> None:
        self.columns |= {("", name.lower()) for name in names}

    def _variable(self, name: str, table: str = "") -> None:
        if name:
            self.variables.setdefault(name.lower(), table.lower())

    def _expression(self, tree: exp.Expr) -> None:
        for node in tree.walk():
            match node:
                case exp.Table(this=exp.Identifier()):
                    self.tables.add(node.name.lower())
                    self._variable(node.alias_or_name, node.name)
                case exp.Column() if not isinstance(node.this, exp.Star):
                    self.columns.add((node.table.lower(), node.name.lower()))
                case exp.Alias() | exp.PropertyEQ():
                    self.made.add(node.alias_or_name.lower())
                case exp.Subquery() if node.alias:
                    self._variable(node.alias)
