"""Queries inside expressions: read first; a reserved name stands for each while sqlglot reads what is around it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe.query import PipeQuery, nest
from pipesql.pipe.reading.cursor import is_name
from pipesql.pipe.scan import CLOSE, OPEN, closing
from pipesql.pipe.shaping import Argument

_STARTS = frozenset({TokenType.FROM, TokenType.WITH, TokenType.SELECT})
_QUERY_GOES_ON = frozenset({TokenType.PIPE_GT, TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT})
_BEFORE_ARGUMENT = frozenset({TokenType.L_PAREN, TokenType.COMMA, TokenType.FARROW})
_TABLES = frozenset({TokenType.TABLE, TokenType.MODEL})


class Nesting:
    """Takes queries, and arguments like `TABLE t`, out of runs of tokens and puts leaves for them into the trees.

    `query` reads the tokens of a query, `table` those of a table's name.
    """

    def __init__(self, query: Callable[[list[Token]], PipeQuery], table: Callable[[list[Token]], exp.Expr]) -> None:
        self.query = query
        self.table = table
        self.names = (f"__pipe_{n}" for n in itertools.count())

    def reserve(self, found: list[Token]) -> tuple[list[Token], dict[str, exp.Placeholder]]:
        """The tokens with reserved names in them: `SELECT name` for a query. And the leaf for each name."""
        out: list[Token] = []
        held: dict[str, exp.Placeholder] = {}
        at, end = 0, len(found)
        while at < end:
            token = found[at]
            out.append(token)
            at += 1
            kind = token.token_type
            if kind not in _BEFORE_ARGUMENT or at == end:
                continue
            after = found[at].token_type
            if kind == TokenType.L_PAREN and (after in _STARTS or _query_in_brackets(found, at)):
                close = closing(found, at - 1)
                name = next(self.names)
                held[name] = nest(self.query(found[at:close]))
                out += [Token(TokenType.SELECT, "SELECT"), Token(TokenType.VAR, name)]
                at = close
            elif after in _TABLES and (stop := _path_end(found, at + 1)) > at + 1:
                name = next(self.names)
                held[name] = exp.Placeholder(this=Argument(self.table(found[at + 1 : stop]), found[at].text.upper()))
                out.append(Token(TokenType.VAR, name))
                at = stop
        return out, held


def embed(tree: exp.Expr, held: dict[str, exp.Placeholder]) -> bool:
    """Put each leaf in the place of what stood for it; whether there was a place for all of them."""
    for column in list(tree.find_all(exp.Column)):
        leaf = held.get(column.name)
        if leaf is None:
            continue
        stands = column if isinstance(leaf.this, Argument) else column.parent
        if stands is not tree and isinstance(stands, exp.Column | exp.Select):
            stands.replace(leaf)
            del held[column.name]
    return not held


def _query_in_brackets(found: list[Token], at: int) -> bool:
    """Whether a query in brackets starts here and goes on behind them: `(…) |> …`, `(…) UNION ALL (…)`."""
    first = at
    while first < len(found) and found[first].token_type == TokenType.L_PAREN:
        first += 1
    if first == at or first == len(found) or found[first].token_type not in _STARTS:
        return False
    depth = 0
    for token in found[at:]:
        kind = token.token_type
        if kind in OPEN:
            depth += 1
        elif kind in CLOSE:
            depth -= 1
            if depth < 0:
                return False
        elif depth == 0 and kind in _QUERY_GOES_ON:
            return True
    return False


def _path_end(found: list[Token], at: int) -> int:
    """Index behind `name.name…`; `at` itself where no name is."""
    while at < len(found) and is_name(found[at]):
        at += 1
        if at == len(found) or found[at].token_type != TokenType.DOT:
            break
        at += 1
    return at
