"""Which of the answer's names exist? Tables and columns of its syntax tree, in the schema or defined by the query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName
from pipesql.execution.connection import Connection
from pipesql.execution.database import Database
from pipesql.finetune.grpo.rewards.answers import parse_answer
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema, Table
from pipesql.pipe.walk import Walked, parts
from pipesql.records import GoldenPair


def schema_adherence(text: str, pair: GoldenPair, connection: Connection) -> float:
    """The share of the distinct names in the text that exist; 0 where it is not pipe SQL, or has no names.

    It is 1 where the resolver finds them all. Otherwise a table exists if it is in the schema or a WITH; a column if it
    is in a table that the query reads, or if the query defines it with AS; a qualified column if it is in the table of
    its range variable. If all names exist in this sense, but the resolver missed one in its place, one counts as
    missing.
    """
    query = parse_answer(text)
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
    """Range variable → its table, or "" where that is not a table of the schema."""
    with_names: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    """Columns that the query defines."""

    def used(self) -> list[tuple[str, ...]]:
        """Every distinct name that is used: `(table,)` or `(variable, column)`."""
        return [*((table,) for table in sorted(self.tables)), *sorted(self.columns)]

    def exists(self, name: tuple[str, ...], schema: Schema) -> bool:
        """Whether a name of `used` exists."""
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
        """Collect the names in an operator, a query or an expression, and in all its parts."""
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
