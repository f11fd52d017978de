"""Expressions to text by sqlglot's generator, and `Texts`, the pieces from which operators are printed.

sqlglot's compiled generators cannot be subclassed; each holds its table of writers by node class, which takes ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipesql.errors import UnsupportedSql
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.operators import Argument, Operator, Path
from pipesql.pipe.printing.googlesql import WRITERS
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline
from pipesql.pipe.scan import complaint, dialect_named, stands_in_front

Inline = Callable[[PipeQuery | Argument, str], str]
"""A nested query, or an argument of a table function, and the dialect's name, to text on one line."""


class ExpressionWriter:
    """Writes expressions, one at a time: what is nested in one is written by another, which `inline` makes."""

    def __init__(self, dialect: str, inline: Inline) -> None:
        self.dialect = dialect
        self.generator = dialect_named(dialect).generator(
            normalize_functions="upper", comments=False, unsupported_level=ErrorLevel.RAISE
        )
        self.generator._dispatch = _writers(dialect, inline)

    def text(self, node: exp.Expr) -> str:
        """An expression, or a standard query, as text. Raises UnsupportedSql for what the dialect cannot express."""
        try:
            text: str = self.generator.generate(node)
        except SqlglotError as e:
            raise UnsupportedSql(f"a construct in {self.dialect}", complaint(e)) from e
        return text


@lru_cache(maxsize=8)
def _writers(dialect: str, inline: Inline) -> dict[type, Callable[[Any, Any], str]]:
    """The table of a dialect's generator with our entries."""

    def placeholder(writer: Any, node: exp.Placeholder) -> str:
        held = node.args.get("this")
        return inline(held, dialect) if isinstance(held, PipeQuery | Argument) else writer.placeholder_sql(node)

    table = dict(dialect_named(dialect).generator()._dispatch)
    table |= {exp.Placeholder: placeholder, exp.Not: _negation}
    if dialect == "bigquery":
        table |= {kind: write(table.get(kind, _function)) for kind, write in WRITERS.items()}
    return table


def _function(writer: Any, node: exp.Func) -> str:
    text: str = writer.function_fallback_sql(node)
    return text


def _negation(writer: Any, node: exp.Not) -> str:
    """`x NOT IN (…)`, `x NOT BETWEEN … AND …`, `x IS NOT NULL`, where sqlglot would put NOT in front."""
    inner = node.this
    if isinstance(inner, exp.Is | exp.In | exp.Between) and stands_in_front(node):
        return writer.not_sql(node)
    if isinstance(inner, exp.Is) and not inner.args.get("negate"):
        return f"{writer.sql(inner, 'this')} IS NOT {writer.sql(inner, 'expression')}"
    if isinstance(inner, exp.In | exp.Between):
        inner.set("this", exp.Var(this=f"{writer.sql(inner, 'this')} NOT"))
        return writer.sql(inner)
    return writer.not_sql(node)


class Texts:
    """Writes pieces in a dialect. `inline` writes a query on one line, `segment` an operator without its `|> `."""

    def __init__(self, dialect: str, inline: Inline, segment: Callable[[Texts, Operator], str]) -> None:
        self.dialect = dialect
        self.inline = inline
        self.segment = segment
        self.writer = ExpressionWriter(dialect, inline)

    def one(self, node: exp.Expr) -> str:
        """An expression, a table or a standard query."""
        return self.writer.text(node)

    def listed(self, nodes: Iterable[exp.Expr]) -> str:
        """Expressions between commas."""
        return ", ".join([self.one(n) for n in nodes])

    def name(self, name: str) -> str:
        """A name, quoted where pipe text needs it."""
        if isinstance(name, Path):
            return ".".join(self.name(part) for part in name.parts)
        quoted = identifier(name)
        return dialect_named(self.dialect).generate(quoted) if quoted.args["quoted"] else name

    def names(self, names: Iterable[str]) -> str:
        """Names between commas."""
        return ", ".join([self.name(n) for n in names])

    def alias(self, name: str) -> str:
        """` AS name`, or nothing for an empty name."""
        return f" AS {self.name(name)}" if name else ""

    def amount(self, amount: int | exp.Expr) -> str:
        """What LIMIT takes."""
        return str(amount) if isinstance(amount, int) else self.one(amount)

    def query(self, query: PipeQuery) -> str:
        """A nested query, without its brackets."""
        return self.inline(query, self.dialect)

    def pipeline(self, pipeline: Subpipeline) -> str:
        """A pipeline with its brackets."""
        return f"({' '.join(f'|> {self.segment(self, o)}' for o in pipeline.operators)})"

    def ctes(self, ctes: Iterable[Cte], recursive: bool) -> str:
        """`WITH [RECURSIVE] name AS (query), …`."""
        listed = ", ".join(f"{self.name(c.name)} AS ({self.query(c.query)})" for c in ctes)
        return f"WITH {'RECURSIVE ' if recursive else ''}{listed}"

    def matching(self, matching: str, names: tuple[str, ...]) -> str:
        """`BY NAME [ON (names)]` or `CORRESPONDING [BY (names)]` of a set operation."""
        link = "ON" if matching == "BY NAME" else "BY"
        return f"{matching} {link} ({self.names(names)})" if names else matching
