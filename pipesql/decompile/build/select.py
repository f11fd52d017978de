"""One SELECT under construction: its operators so far, and how columns and expressions are written behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlglot import exp

from pipesql.decompile.bind.bindings import WRITTEN, Bindings
from pipesql.decompile.dialects import Meaning, meaning_of
from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import rebuild, unbracketed
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import Cte, PipeQuery, nest

Note = Callable[..., None]
"""Called for each operator with the clause, the node and the node's bound parts that the operator comes from."""


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
        """How often each visible name occurs, in lower case; counted anew when a source has been added."""
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

    def __init__(self, bindings: Bindings, decompile: Callable[[exp.Expr, View], PipeQuery]) -> None:
        self.bindings = bindings
        self.decompile = decompile
        self.meaning: Meaning = meaning_of(bindings)

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
            raise UnsupportedSql(f"{node.key.upper()} of {self.bindings.semantics.dialect}", self.bindings.shown(node))
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
        if self.bindings.keep_names:
            return _as_written(node, found, view)
        return found


def _as_written(node: exp.Column, found: exp.Column, view: View) -> exp.Column:
    """The column in the query's own spelling, qualified where it is there."""
    name, qualifier = node.meta.get(WRITTEN, ("", ""))
    spelt = name if name.lower() == found.name.lower() else found.name
    variable = view.variables.get(node.table, "")
    return column(spelt, found.table or (variable if qualifier else ""))


@dataclass
class Built:
    """Operators so far. `names` are the output columns' (empty where unnamed); `loose` if tables' names still show."""

    operators: list[op.Operator]
    names: list[str]
    ctes: list[Cte] = field(default_factory=list)
    loose: bool = False
    recursive: bool = False

    def query(self) -> PipeQuery:
        """The operators as a query of their own."""
        return PipeQuery(tuple(self.operators), tuple(self.ctes), self.recursive)


class Queries(Protocol):
    """What the building of a SELECT needs of the builder of the whole query."""

    bindings: Bindings
    note: Note | None
    expressions: Expressions
    cte_names: dict[str, list[str]]

    def query(self, node: exp.Expr, outer: View | None, named: bool) -> Built:
        """Any query; `named` asks for output columns with distinct names."""


class SelectBuilder:
    """Builds one SELECT: the operators so far, and `view`, what the next one sees.

    `loose` says that tables' names still show, so that a derived table needs a name of its own.
    """

    def __init__(self, queries: Queries, node: exp.Select, outer: View | None) -> None:
        self.queries = queries
        self.bindings = queries.bindings
        self.write = queries.expressions.write
        self.node = node
        self.bound = self.bindings.bound(node)
        self.view = View(outer=outer, qualify=self.bindings.schema.partial and len(self.bound.sources) > 1)
        self.operators: list[op.Operator] = []
        self.loose = False

    def add(self, operator: op.Operator, clause: str, *parts: exp.Expr) -> None:
        """Append an operator that came from a clause, or from `parts` of it."""
        self.operators.append(operator)
        if self.queries.note is not None:
            self.queries.note(operator, clause, self.node, *parts)

    def names_around(self) -> set[str]:
        """The range variables of the queries around this one, in lower case."""
        names: set[str] = set()
        view = self.view.outer
        while view is not None:
            names |= {v.lower() for v in view.variables.values()}
            view = view.outer
        return names


def ordered(key: exp.Expr, value: exp.Expr) -> exp.Ordered:
    """A sort key over another expression. In GoogleSQL NULLs are small; where they are not here, it is written."""
    desc = bool(key.args.get("desc"))
    first = key.args.get("nulls_first")
    default = not desc
    explicit = bool(first) != default and first is not None
    return exp.Ordered(this=value, desc=desc or None, nulls_first=bool(first) if explicit else default)


_PREFIX: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.CountIf: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.GroupConcat: "list",
}


def describe(value: exp.Expr) -> str:
    """A name for an expression's values: `count`, `avg_age`, `name`; `value` where there is no better one."""
    value = unbracketed(value.unalias())
    if isinstance(value, exp.Column):
        return plain(value.name)
    if isinstance(value, exp.AnyValue):
        inner = value.this.this if isinstance(value.this, exp.HavingMax) else value.this
        return describe(inner)
    for kind, prefix in _PREFIX.items():
        if isinstance(value, kind):
            inner = value.this
            if isinstance(inner, exp.Distinct):
                inner = inner.expressions[0]
                prefix = f"{prefix}_distinct"
            if isinstance(inner, exp.Column):
                return f"{prefix}_{plain(inner.name)}"
            return prefix
    if isinstance(value, exp.Grouping):
        return f"grouping_{describe(value.expressions[0])}"
    if isinstance(value, exp.Window):
        return plain(value.this.sql_name().lower()) if isinstance(value.this, exp.Func) else "value"
    if isinstance(
        value, exp.Lower | exp.Upper | exp.Cast | exp.Abs | exp.Round | exp.Substring | exp.TimeToStr | exp.Coalesce
    ):
        return describe(value.this)
    return "value"


def plain(name: str) -> str:
    """`name` with everything but letters, digits and underscores replaced, so that it needs no quotes."""
    kept = "".join(ch if ch.isascii() and (ch.isalnum() or ch == "_") else "_" for ch in name).strip("_")
    return f"c_{kept}" if not kept or kept[0].isdigit() else kept
