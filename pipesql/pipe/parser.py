"""Pipe text to a query: WITH, the start, then one operator after another. `segments` reads the operators."""

from __future__ import annotations

from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.fragment import FragmentReader
from pipesql.pipe.query import Cte, PipeQuery
from pipesql.pipe.scan import closing, split, tokens
from pipesql.pipe.segments import SegmentReader


@depth_bounded
def parse(text: str, dialect: str = "bigquery") -> PipeQuery:
    """Read pipe SQL. Raises SqlSyntaxError for what is no query, UnsupportedSql for a construct not read yet."""
    return _QueryReader(text, dialect).query(tokens(text, dialect))


class _QueryReader:
    """Reads one text, its nested queries included."""

    def __init__(self, text: str, dialect: str) -> None:
        fragments = FragmentReader(text, dialect, self.query)
        self.error = fragments.error
        self.segments = SegmentReader(fragments)

    def query(self, found: list[Token]) -> PipeQuery:
        """The query that these tokens are."""
        ctes: list[Cte] = []
        if found[0].token_type == TokenType.WITH:
            ctes, found = self._ctes(found)
        first, *rest = split(found, TokenType.PIPE_GT)
        operators = self._start(first)
        for segment in rest:
            if not segment:
                raise SqlSyntaxError("an operator is missing after |>", found[-1].start)
            operators.append(self.segments.operator(segment))
        return PipeQuery(tuple(operators), tuple(ctes))

    def _start(self, segment: list[Token]) -> list[op.Operator]:
        """FROM, or a whole query in brackets to go on with."""
        if not segment:
            raise SqlSyntaxError("the query starts with |>: it must start with FROM", 0)
        if segment[0].token_type == TokenType.L_PAREN and closing(segment, 0) == len(segment) - 1 > 1:
            inner = self.query(segment[1:-1])
            if inner.ctes:
                raise UnsupportedSql("WITH inside a parenthesised start")
            return list(inner.operators)
        return self.segments.first(segment)

    def _ctes(self, found: list[Token]) -> tuple[list[Cte], list[Token]]:
        """The leading WITH, and the tokens after it."""
        ctes = []
        at = 1
        while True:
            if at + 2 >= len(found):
                raise SqlSyntaxError("WITH is not complete", found[0].start)
            if found[at].text.upper() == "RECURSIVE" and found[at + 1].token_type != TokenType.ALIAS:
                raise UnsupportedSql("WITH RECURSIVE")
            name, alias, bracket = found[at : at + 3]
            if alias.token_type != TokenType.ALIAS or bracket.token_type != TokenType.L_PAREN:
                raise self.error(f"expected `{name.text} AS (query)`", name)
            end = closing(found, at + 2)
            body = found[at + 3 : end]
            if not body:
                raise SqlSyntaxError(f"the body of {name.text} is empty", bracket.start)
            ctes.append(Cte(name.text, self.query(body)))
            at = end + 1
            if at < len(found) and found[at].token_type == TokenType.COMMA:
                at += 1
                continue
            if at >= len(found):
                raise SqlSyntaxError("a query must follow WITH", found[-1].start)
            return ctes, found[at:]
