"""Bound expressions to pipe expressions: names as they are visible at this operator, the dialect's habits spelt out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.decompile.bind.binder import Binder
from pipesql.decompile.bind.names import WRITTEN
from pipesql.decompile.dialects.meaning import Meaning, meaning_of
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import rebuild
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import PipeQuery, nest


@dataclass
class View:
    """What an operator's input shows: bound columns and expressions, and how they are called here."""

    variables: dict[str, str] = field(default_factory=dict)
    """Range variable by source id, while it is visible."""
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """By source id: visible name by lower-case bound name."""
    computed: dict[exp.Expr, str] = field(default_factory=dict)
    """Bound expressions that an operator has computed, with their column's name."""
    group: str = ""
    """The range variable of computed columns, if they have one."""
    outer: View | None = None
    qualify: bool = False
    """Columns of tables are always qualified: there may be more of them than are known."""

    _counts: dict[str, int] = field(default_factory=dict)
    _counted: int = -1

    def counts(self) -> dict[str, int]:
        """How often each visible name occurs, in lower case. Sources only come: their number tells of change."""
        if self._counted != len(self.columns):
            self._counted = len(self.columns)
            self._counts = {}
            for names in self.columns.values():
                for name in names.values():
                    lower = name.lower()
                    self._counts[lower] = self._counts.get(lower, 0) + 1
        return self._counts

    def name(self, source: str, bound: str) -> exp.Column | None:
        """The column as it must be written here, or None where it cannot be reached."""
        names = self.columns.get(source)
        if names is None or bound.lower() not in names:
            return None
        name = names[bound.lower()]
        variable = self.variables.get(source, "")
        whole_rows = {v.lower() for v in self.variables.values()}
        if not self.qualify and self.counts()[name.lower()] == 1 and name.lower() not in whole_rows:
            return column(name)
        return column(name, variable) if variable else None

    def qualified(self, source: str, bound: str) -> exp.Column | None:
        """The column as a nested query must write it."""
        names = self.columns.get(source)
        if names is None or bound.lower() not in names or source not in self.variables:
            return None
        return column(names[bound.lower()], self.variables[source])


class Expressions:
    """Writes bound expressions in a view. `decompile` turns a nested standard query into a pipe query."""

    def __init__(self, binder: Binder, decompile: Callable[[exp.Expr, View], PipeQuery]) -> None:
        self.binder = binder
        self.decompile = decompile
        self.meaning: Meaning = meaning_of(binder)

    def write(self, value: exp.Expr, view: View) -> exp.Expr:
        """The pipe expression. Raises UnsupportedSql, naming the construct."""
        return rebuild(value, lambda node: self._replace(node, view))

    def _replace(self, node: exp.Expr, view: View) -> exp.Expr | None:
        if view.computed and not (node.arg_key == "this" and isinstance(node.parent, exp.Window)):
            name = view.computed.get(node)
            if name is None and isinstance(node, exp.Paren):
                name = view.computed.get(node.this)
            if name is not None:
                return column(name)
        match node:
            case exp.Column():
                return self.column(node, view)
            case exp.Subquery():
                return exp.Subquery(this=nest(self.decompile(node.this, view)))
            case exp.Query():
                return nest(self.decompile(node, view))
        rule = self.meaning.rules.get(type(node))
        if rule is not None:
            return rule(node, lambda part: self.write(part, view))
        if not self.meaning.permits(node):
            raise UnsupportedSql(f"{node.key.upper()} of {self.binder.habits.dialect}", self.binder.shown(node))
        return None

    def column(self, node: exp.Column, view: View) -> exp.Expr:
        """A column by its name at this operator, or in a query around this one."""
        found = view.name(node.table, node.name)
        outer = view.outer
        while found is None and outer is not None:
            found = outer.qualified(node.table, node.name)
            if found is None and node in outer.computed:
                found = column(outer.computed[node], outer.group)
            outer = outer.outer
        if found is None:
            raise UnsupportedSql("a column that is out of sight after aggregation", node.name)
        if self.binder.keep_names:
            return _as_written(node, found, view)
        return found


def _as_written(node: exp.Column, found: exp.Column, view: View) -> exp.Column:
    """The column in the query's own spelling, qualified where it is there."""
    name, qualifier = node.meta.get(WRITTEN, ("", ""))
    spelt = name if name.lower() == found.name.lower() else found.name
    variable = view.variables.get(node.table, "")
    return column(spelt, found.table or (variable if qualifier else ""))
