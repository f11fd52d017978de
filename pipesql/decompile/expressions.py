"""Bound expressions to pipe expressions: names as they are visible at this operator, SQLite's habits spelt out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.decompile.bind import Binder
from pipesql.errors import UnsupportedSql
from pipesql.pipe.identifiers import column
from pipesql.pipe.query import PipeQuery, nest
from pipesql.pipe.rebuild import rebuild, unbracketed
from pipesql.pipe.types import INT, REAL


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

    def counts(self) -> dict[str, int]:
        """How often each visible name occurs, in lower case."""
        out: dict[str, int] = {}
        for names in self.columns.values():
            for name in names.values():
                out[name.lower()] = out.get(name.lower(), 0) + 1
        return out

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

    def write(self, value: exp.Expr, view: View) -> exp.Expr:
        """The pipe expression. Raises UnsupportedSql, naming the construct."""
        return rebuild(value, lambda node: self._replace(node, view))

    def _replace(self, node: exp.Expr, view: View) -> exp.Expr | None:
        if view.computed:
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
            case exp.Div():
                return self.division(node, view)
            case exp.Like():
                return self.like(node, view)
            case exp.Glob() if _as_like(node.expression) is not None:
                return exp.Like(this=self.write(node.this, view), expression=_as_like(node.expression))
            case exp.In() if not (node.expressions or node.args.get("query") or node.args.get("field")):
                return exp.false()  # x IN (): never, not even for NULL
            case exp.Escape():
                return self.escape(node, view)
            case exp.Collate():
                raise UnsupportedSql("COLLATE")
            case exp.Max() | exp.Min() if node.expressions:
                kind = exp.Greatest if isinstance(node, exp.Max) else exp.Least
                parts = [self.write(e, view) for e in (node.this, *node.expressions)]
                return kind(this=parts[0], expressions=parts[1:])
            case exp.Boolean():
                return None
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
        return found

    def division(self, node: exp.Div, view: View) -> exp.Expr:
        """SQLite divides integers to an integer: DIV; any real makes it real: `/`. Unknown types are refused."""
        left, right = self.write(node.this, view), self.write(node.expression, view)
        kinds = (self.binder.kind(node.this), self.binder.kind(node.expression))
        if kinds == (INT, INT):
            return exp.IntDiv(this=unbracketed(left), expression=unbracketed(right))
        if REAL in kinds:
            return exp.Div(this=left, expression=right, typed=False, safe=False)
        shown = exp.Div(this=left, expression=right, typed=True, safe=True).sql("sqlite")[:80]
        raise UnsupportedSql("a division whose operands may be integers or not", f"{shown}: write CAST or * 1.0")

    def escape(self, node: exp.Escape, view: View) -> exp.Expr:
        """LIKE … ESCAPE: GoogleSQL's escape character is the backslash."""
        like, escape = node.this, node.expression
        pattern = like.expression
        plain = all(isinstance(part, exp.Literal) and part.is_string for part in (pattern, escape))
        if not isinstance(like, exp.Like) or not plain or len(escape.name) != 1:
            raise UnsupportedSql("LIKE … ESCAPE with anything but a literal pattern")
        return self.like(like, view, escape.name)

    def like(self, node: exp.Like, view: View, escape: str = "") -> exp.Expr:
        """SQLite's LIKE takes no notice of the case of ASCII letters: both sides are lowered."""
        value, pattern = self.write(node.this, view), self.write(node.expression, view)
        if isinstance(pattern, exp.Literal) and pattern.is_string:
            text = _backslashed(pattern.name, escape)
            low = ascii_lower(text)
            pattern = exp.Literal.string(text)
            if low == text and not any("a" <= ch <= "z" for ch in low):
                return exp.Like(this=value, expression=pattern, negate=node.args.get("negate"))
            pattern = exp.Literal.string(low)
        else:
            pattern = exp.Lower(this=pattern)
        if self.binder.kind(node.this) in (INT, REAL):
            value = exp.Cast(this=value, to=exp.DataType.build("TEXT"))
        lowered = value if isinstance(value, exp.Lower) else exp.Lower(this=value)
        return exp.Like(this=lowered, expression=pattern, negate=node.args.get("negate"))


def ascii_lower(text: str) -> str:
    """Lower case for A-Z only, as SQLite's LIKE and LOWER do."""
    return "".join(ch.lower() if "A" <= ch <= "Z" else ch for ch in text)


def _backslashed(pattern: str, escape: str) -> str:
    """A LIKE pattern with `escape` as its escape character (if any) as one with the backslash."""
    out = []
    characters = iter(pattern)
    for ch in characters:
        if ch == escape:
            ch = next(characters, "")
            out.append(f"\\{ch}" if ch in ("%", "_", "\\") else ch)
        else:
            out.append("\\\\" if ch == "\\" else ch)
    return "".join(out)


def _as_like(pattern: exp.Expr) -> exp.Literal | None:
    """A GLOB pattern as a LIKE pattern, which minds case in GoogleSQL; None where it is computed or has brackets."""
    if not (isinstance(pattern, exp.Literal) and pattern.is_string) or "[" in pattern.name:
        return None
    meaning = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
    return exp.Literal.string("".join(meaning.get(ch, ch) for ch in pattern.name))
