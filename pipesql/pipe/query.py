"""The pipe query: a tuple of operators. Every prefix of a query is a query.

A pipe query nested in an expression or a FROM is held by sqlglot's own tree as a `Placeholder` whose `this` is the
`PipeQuery`: sqlglot's compiled node classes cannot be subclassed, and a placeholder copies, compares and prints
like any leaf. `nested_queries` finds them, `nest` makes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp


class Part:
    """A piece of a query: the query itself, an operator, or what an operator holds beside expressions and names.

    `pipe.walk` finds the parts of a part among the values of its fields.
    """


class Operator(Part):
    """What the pipe operators are (`pipe.operators`): each takes the table so far and gives the next one."""


@dataclass(frozen=True)
class Cte(Part):
    """`name AS (query)` of a leading WITH."""

    name: str
    query: PipeQuery


@dataclass(frozen=True)
class PipeQuery(Part):
    """Operators in the order they run. `ctes` is the leading WITH [RECURSIVE], visible to all of them."""

    operators: tuple[Operator, ...]
    ctes: tuple[Cte, ...] = ()
    recursive: bool = False

    def prefixes(self) -> Iterator[PipeQuery]:
        """Every prefix, shortest first; the last one is the query itself."""
        for end in range(1, len(self.operators) + 1):
            yield PipeQuery(self.operators[:end], self.ctes, self.recursive)

    def __deepcopy__(self, memo: dict[int, Any]) -> PipeQuery:
        return self  # immutable: a copied expression shares its nested queries


@dataclass(frozen=True)
class Subpipeline(Part):
    """`(|> … |> …)`: operators for a table without a name; there may be none."""

    operators: tuple[Operator, ...] = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Subpipeline:
        return self  # immutable


def text_of(operators: Iterable[str]) -> str:
    """The text of a query, given the texts of its operators: one operator a line."""
    return "\n".join(operators)


def nest(query: PipeQuery) -> exp.Placeholder:
    """The leaf that stands for `query` inside an expression."""
    return exp.Placeholder(this=query)


def nested(node: object) -> PipeQuery | None:
    """The pipe query that `node` stands for, or None."""
    if isinstance(node, exp.Placeholder) and isinstance(node.args.get("this"), PipeQuery):
        query: PipeQuery = node.args["this"]
        return query
    return None


def nested_queries(node: exp.Expr) -> Iterator[tuple[exp.Placeholder, PipeQuery]]:
    """The pipe queries directly inside an expression, each with its leaf."""
    for leaf in node.find_all(exp.Placeholder):
        query = nested(leaf)
        if query is not None:
            yield leaf, query
