"""The pieces that operators are printed of: expressions, names, nested queries and pipelines of one dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from pipesql.pipe.identifiers import identifier
from pipesql.pipe.operators import Operator, Path
from pipesql.pipe.printing.expressions import ExpressionWriter, Inline
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline
from pipesql.pipe.scan import dialect_named


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
