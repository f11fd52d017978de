"""The expressions inside an operator, read by sqlglot's parser; errors say where in the text they are.

Nested pipe queries are read first and handed to sqlglot as a one-column SELECT with a reserved name, which then
gives way to the nested query: so they may stand wherever standard SQL allows a subquery.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError
from pipesql.pipe.query import PipeQuery, nest
from pipesql.pipe.scan import closing, dialect_named, first_line, position

_STARTS = frozenset({TokenType.FROM, TokenType.WITH, TokenType.SELECT})
_WORDS = {"SELECT": TokenType.SELECT, "FROM": TokenType.FROM, "1": TokenType.NUMBER}


class FragmentReader:
    """Reads runs of tokens of one text as parts of a SELECT. `nested_query` reads the tokens of a pipe query."""

    def __init__(self, text: str, dialect: str, nested_query: Callable[[list[Token]], PipeQuery]) -> None:
        self.text = text
        self.dialect = dialect
        self.nested_query = nested_query
        self.intervals = "interval" in text.lower()
        self.held: dict[str, PipeQuery] = {}
        self.names = (f"__pipe_{n}" for n in itertools.count())

    def items(self, part: list[Token], head: Token) -> tuple[exp.Expr, ...]:
        """One or more expressions, with or without names. Raises SqlSyntaxError."""
        if not part:
            raise self.error(f"{head.text.upper()} needs at least one expression", head)
        return tuple(self.select([*words("SELECT"), *part], head, {"expressions"}).expressions)

    def clause(self, segment: list[Token], name: str) -> exp.Expr:
        """A clause of a SELECT by sqlglot's name for it. Raises SqlSyntaxError."""
        node: exp.Expr | None = self.select(
            [*words("SELECT", "1"), *segment], segment[0], {"expressions", name}
        ).args.get(name)
        if node is None:
            raise self.error(f"{segment[0].text} is not complete", segment[0])
        return node

    def select(self, found: list[Token], head: Token, wanted: set[str]) -> exp.Select:
        """Tokens as a SELECT that may hold only the clauses `wanted`. Raises SqlSyntaxError."""
        try:
            trees = dialect_named(self.dialect).parser().parse(self._reserve(found), self.text)
        except SqlglotError as e:
            raise self.error(f"{first_line(e)} in {head.text.upper()}", head) from e
        except (AttributeError, TypeError, ValueError, IndexError) as e:  # sqlglot's own slips on odd token runs
            raise self.error(f"{head.text.upper()} cannot be read", head) from e
        tree = trees[0] if len(trees) == 1 else None
        if not isinstance(tree, exp.Select) or not tree.expressions:
            raise self.error(f"{head.text.upper()} cannot be read", head)
        extra = {k for k, v in tree.args.items() if v} - wanted
        if extra:
            clause = sorted(extra)[0].rstrip("_").upper()
            raise self.error(f"{clause} cannot stand inside {head.text.upper()}", head)
        if self.intervals and any(not i.args.get("unit") for i in tree.find_all(exp.Interval)):
            raise self.error("INTERVAL needs a value and a unit, as in INTERVAL 1 DAY", head)
        self._embed(tree)
        return tree

    def error(self, message: str, at: Token) -> SqlSyntaxError:
        """The error, with the line and column of a token."""
        return SqlSyntaxError(f"{message} ({self.where(at)})", at.start)

    def where(self, token: Token) -> str:
        """`line L, column C` of a token."""
        return position(self.text, token.start)

    def _reserve(self, found: list[Token]) -> list[Token]:
        """Read the pipe queries in brackets and put a one-column SELECT with a reserved name in their place."""
        out: list[Token] = []
        at = 0
        while at < len(found):
            token = found[at]
            out.append(token)
            at += 1
            if token.token_type == TokenType.L_PAREN and at < len(found) and found[at].token_type in _STARTS:
                end = closing(found, at - 1)
                name = next(self.names)
                self.held[name] = self.nested_query(found[at:end])
                out.extend(words("SELECT", name))
                at = end
        return out

    def _embed(self, tree: exp.Select) -> None:
        """Put each nested query in the place of the SELECT that stood for it."""
        if not self.held:
            return
        for select in list(tree.find_all(exp.Select)):
            only = select.expressions[0] if len(select.expressions) == 1 else None
            if isinstance(only, exp.Column) and only.name in self.held and select is not tree:
                select.replace(nest(self.held[only.name]))


def words(*texts: str) -> list[Token]:
    """Tokens that stand in front of a fragment to make it a SELECT."""
    return [Token(_WORDS.get(text, TokenType.VAR), text) for text in texts]
