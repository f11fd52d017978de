"""The expressions inside an operator, read by sqlglot's parser; errors say where in the text they are.

Nested queries are read first and handed to sqlglot as a one-column SELECT with a reserved name, which then gives way
to the nested query: so they may stand wherever standard SQL allows a subquery.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.cursor import Cursor
from pipesql.pipe.query import PipeQuery, Subpipeline, nest
from pipesql.pipe.scan import CLOSE, OPEN, closing, dialect_named, first_line, position, split

_STARTS = frozenset({TokenType.FROM, TokenType.WITH, TokenType.SELECT})
_QUERY_GOES_ON = frozenset({TokenType.PIPE_GT, TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT})
_WORDS = {"SELECT": TokenType.SELECT, "FROM": TokenType.FROM, "1": TokenType.NUMBER}


class FragmentReader:
    """Reads runs of tokens of one text as parts of a SELECT.

    `query` reads the tokens of a nested query, `pipeline` those of a pipeline in brackets.
    """

    def __init__(
        self,
        text: str,
        dialect: str,
        query: Callable[[list[Token]], PipeQuery],
        pipeline: Callable[[list[Token]], Subpipeline],
    ) -> None:
        self.text = text
        self.dialect = dialect
        self.query = query
        self.pipeline = pipeline
        self.intervals = "interval" in text.lower()
        self.held: dict[str, PipeQuery] = {}
        self.names = (f"__pipe_{n}" for n in itertools.count())

    def items(self, part: list[Token], head: Token) -> tuple[exp.Expr, ...]:
        """One or more expressions, with or without names. Raises SqlSyntaxError."""
        if not part:
            raise self.error(f"{head.text.upper()} needs at least one expression", head)
        return tuple(self.select([*words("SELECT"), *part], head, {"expressions"}).expressions)

    def one(self, part: list[Token], head: Token) -> exp.Expr:
        """Exactly one expression, without a name. Raises SqlSyntaxError."""
        items = self.items(part, head)
        if len(items) != 1 or isinstance(items[0], exp.Alias):
            raise self.error(f"{head.text.upper()} takes one expression here", part[0])
        return items[0]

    def parts(self, found: list[Token], head: Token) -> list[list[Token]]:
        """Tokens cut at commas; a comma may trail. Raises SqlSyntaxError where a part is empty."""
        cut = split(found, TokenType.COMMA)
        if len(cut) > 1 and not cut[-1]:
            cut.pop()
        if not all(cut):
            raise self.error(f"{head.text.upper()} is not complete: something is missing between its commas", head)
        return cut

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
        tree = self.standard(found, head)
        if not isinstance(tree, exp.Select) or not tree.expressions:
            raise self.error(f"{head.text.upper()} cannot be read", head)
        extra = {k for k, v in tree.args.items() if v} - wanted
        if extra:
            clause = sorted(extra)[0].rstrip("_").upper()
            raise self.error(f"{clause} cannot stand inside {head.text.upper()}", head)
        return tree

    def standard(self, found: list[Token], head: Token) -> exp.Expr:
        """Tokens as a statement of standard SQL, nested queries inside it as leaves. Raises SqlSyntaxError."""
        try:
            trees = dialect_named(self.dialect).parser().parse(self._reserve(found), self.text)
        except SqlglotError as e:
            raise self.error(f"{first_line(e)} in {head.text.upper()}", head) from e
        except (AttributeError, TypeError, ValueError, IndexError) as e:  # sqlglot's own slips on odd token runs
            raise self.error(f"{head.text.upper()} cannot be read", head) from e
        tree = trees[0] if len(trees) == 1 else None
        if tree is None:
            raise self.error(f"{head.text.upper()} cannot be read", head)
        if self.intervals and any(not i.args.get("unit") for i in tree.find_all(exp.Interval)):
            raise self.error("INTERVAL needs a value and a unit, as in INTERVAL 1 DAY", head)
        self._embed(tree)
        return tree

    def cursor(self, found: list[Token], head: Token) -> Cursor:
        """A cursor at the start of these tokens of the operator `head`."""
        return Cursor(found, self, head)

    def error(self, message: str, at: Token) -> SqlSyntaxError:
        """The error, with the line and column of a token, on one line whatever it quotes."""
        return SqlSyntaxError(f"{' '.join(message.split())} ({self.where(at)})", at.start)

    def unsupported(self, construct: str, at: Token) -> UnsupportedSql:
        """The refusal of a construct that is not read, with the line and column of a token."""
        return UnsupportedSql(construct, f"({self.where(at)})")

    def where(self, token: Token) -> str:
        """`line L, column C` of a token."""
        return position(self.text, token.start)

    def _reserve(self, found: list[Token]) -> list[Token]:
        """Read the queries in brackets and put a one-column SELECT with a reserved name in their place."""
        out: list[Token] = []
        at, end = 0, len(found)
        while at < end:
            token = found[at]
            out.append(token)
            at += 1
            if token.token_type == TokenType.L_PAREN and at < end:
                kind = found[at].token_type
                if kind in _STARTS or (kind == TokenType.L_PAREN and _is_query(found, at)):
                    close = closing(found, at - 1)
                    name = next(self.names)
                    self.held[name] = self.query(found[at:close])
                    out.extend(words("SELECT", name))
                    at = close
        return out

    def _embed(self, tree: exp.Expr) -> None:
        """Put each nested query in the place of the SELECT that stood for it."""
        if not self.held:
            return
        for select in list(tree.find_all(exp.Select)):
            only = select.expressions[0] if len(select.expressions) == 1 else None
            if isinstance(only, exp.Column) and only.name in self.held and select is not tree:
                select.replace(nest(self.held[only.name]))


def _is_query(found: list[Token], at: int) -> bool:
    """Whether a query starts at this bracket and goes on behind it: `(…) |> …`, `(…) UNION ALL (…)`."""
    first = at
    while first < len(found) and found[first].token_type == TokenType.L_PAREN:
        first += 1
    if first == len(found) or found[first].token_type not in _STARTS:
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


def words(*texts: str) -> list[Token]:
    """Tokens that stand in front of a fragment to make it a SELECT."""
    return [Token(_WORDS.get(text, TokenType.VAR), text) for text in texts]
