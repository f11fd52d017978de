"""Expressions to text: sqlglot's generator, with the entries that a reader of pipe text needs otherwise.

sqlglot's compiled generators cannot be subclassed; each holds its table of writers by node class, which takes ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipesql.errors import UnsupportedSql
from pipesql.pipe.printing.googlesql import WRITERS
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.scan import dialect_named, first_line
from pipesql.pipe.shaping import Argument
from pipesql.pipe.spelling import stands_in_front

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
        """An expression, or a standard query, as text. Raises UnsupportedSql for what the dialect cannot say."""
        try:
            text: str = self.generator.generate(node)
        except SqlglotError as e:
            raise UnsupportedSql(f"a construct in {self.dialect}", first_line(e)) from e
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
