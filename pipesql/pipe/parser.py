"""Pipe text to a query: WITH, the start, then one operator after another. `segments` reads the operators.

What is written is kept as it is written, so that the printed query gives GoogleSQL's own parser the same tree.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline, nest
from pipesql.pipe.reading.columns import is_plain, select_operator
from pipesql.pipe.reading.cursor import Cursor
from pipesql.pipe.reading.fragment import FragmentReader, words
from pipesql.pipe.reading.queries import read_ctes
from pipesql.pipe.reading.segments import read_operator
from pipesql.pipe.reading.tables import read_from
from pipesql.pipe.scan import closing, split, tokens
from pipesql.pipe.spelling import note_standard

_CLAUSES = frozenset(
    {"expressions", "distinct", "kind", "from_", "joins", "where", "group", "having", "qualify", "windows"}
    | {"order", "limit", "offset"}
)


@depth_bounded
def parse(text: str, dialect: str = "bigquery") -> PipeQuery:
    """Read pipe SQL. Raises SqlSyntaxError for what is no query, UnsupportedSql for a construct not read yet."""
    found = tokens(text, dialect)
    reader = _QueryReader(text, dialect)
    reader.fragments.prepare(found)
    return reader.query(found)


class _QueryReader:
    """Reads one text, its nested queries included."""

    def __init__(self, text: str, dialect: str) -> None:
        self.fragments = FragmentReader(text, dialect, self.query, self.pipeline)

    def query(self, found: list[Token]) -> PipeQuery:
        """The query that these tokens are."""
        ctes: tuple[Cte, ...] = ()
        recursive = False
        if found[0].token_type == TokenType.WITH:
            cursor = self.fragments.cursor(found, found[0])
            ctes, recursive = read_ctes(self.fragments, cursor)
            if cursor.done:
                raise self.fragments.error("a query must follow WITH", found[-1])
            found = cursor.rest()
        first, *rest = split(found, TokenType.PIPE_GT)
        if not first:
            raise self.fragments.error("the query starts with |>: it must start with FROM", found[0])
        return PipeQuery((self._start(first), *self._operators(rest, found[-1])), ctes, recursive)

    def pipeline(self, found: list[Token]) -> Subpipeline:
        """`|> … |> …`, the operators of a table that is not named."""
        if not found:
            return Subpipeline()
        if found[0].token_type != TokenType.PIPE_GT:
            raise self.fragments.error("a pipeline starts with |>", found[0])
        return Subpipeline(self._operators(split(found, TokenType.PIPE_GT)[1:], found[-1]))

    def _operators(self, segments: list[list[Token]], last: Token) -> tuple[op.Operator, ...]:
        if not all(segments):
            raise self.fragments.error("an operator is missing after |>", last)
        return tuple([read_operator(self.fragments, segment) for segment in segments])

    def _start(self, segment: list[Token]) -> op.Operator:
        """FROM, SELECT, or a whole query in brackets to go on with."""
        head = segment[0]
        kind = head.token_type
        if kind == TokenType.FROM:
            return read_from(self.fragments, segment)
        if kind == TokenType.SELECT:
            return self._select(segment)
        if kind == TokenType.L_PAREN:
            return self._bracketed(segment)
        raise self.fragments.error(f"a pipe query starts with FROM, not {head.text}", head)

    def _select(self, segment: list[Token]) -> op.Operator:
        """A SELECT: an operator if it needs no table and has no further clause, else a standard block."""
        note_standard(segment)
        tree = self.fragments.standard(segment, segment[0])
        if isinstance(tree, exp.Select) and is_plain(tree):
            return select_operator(tree)
        return self._block(tree, segment[0])

    def _block(self, tree: exp.Expr, head: Token) -> op.Block:
        if not isinstance(tree, exp.Query):
            raise self.fragments.error(f"{head.text.upper()} cannot be read", head)
        for select in tree.find_all(exp.Select):
            if select is not tree and not isinstance(select.parent, exp.SetOperation):
                raise self.fragments.error("a query inside another needs brackets", head)
            if not select.expressions:
                raise self.fragments.error("SELECT needs at least one expression", head)
            extra = {k for k, v in select.args.items() if v} - _CLAUSES
            if extra:
                raise self.fragments.unsupported(f"{min(extra).rstrip('_').upper()} in a standard SELECT", head)
        return op.Block(tree)

    def _limited(self, query: PipeQuery, alias: str, cursor: Cursor) -> op.Block:
        """`(query) AS alias ORDER BY … LIMIT …`."""
        clauses = {"order", "limit", "offset"}
        found = [*words("SELECT", "1"), *cursor.rest()]
        tail = self.fragments.select(found, cursor.head, clauses | {"expressions"})
        table = exp.TableAlias(this=exp.to_identifier(alias))
        return op.Block(exp.Subquery(this=nest(query), alias=table, **{c: tail.args.get(c) for c in clauses}))

    def _bracketed(self, segment: list[Token]) -> op.Operator:
        """`(query) [AS alias]`, or a set operation of such."""
        close = closing(segment, 0)
        if close == 1:
            raise self.fragments.error("a query is missing between the brackets", segment[0])
        cursor = self.fragments.cursor(segment, segment[0])
        cursor.at = close + 1
        alias = cursor.name("a name after AS") if cursor.accept("AS") else ""
        if cursor.done:
            return op.Nested(self.query(segment[1:close]), alias)
        if alias:
            return self._limited(self.query(segment[1:close]), alias, cursor)
        note_standard(segment)
        return self._block(self.fragments.standard(segment, segment[0]), segment[0])
