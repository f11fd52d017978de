"""Pipe text to a query: WITH, the start, then one operator after another, each from the tokens between two `|>`.

The first word of these tokens names the operator, and `_READERS` its reader; readers stand in the other modules of this
room. They keep what is written as it is written, so that the printed query gives GoogleSQL's own parser the same tree.
All raise SqlSyntaxError for what is not such an operator, and UnsupportedSql for a construct that is not read.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.errors import AtOperator, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline, nest, text_of
from pipesql.pipe.reading.columns import (
    is_plain,
    read_aggregate,
    read_as,
    read_drop,
    read_extend,
    read_rename,
    read_select,
    read_set,
    select_operator,
)
from pipesql.pipe.reading.cursor import Cursor
from pipesql.pipe.reading.fragment import FragmentReader, words
from pipesql.pipe.reading.googlesql import (
    read_assert,
    read_describe,
    read_export,
    read_pivot,
    read_tablesample,
    read_unpivot,
    read_write,
)
from pipesql.pipe.reading.queries import (
    SET_KINDS,
    read_ctes,
    read_fork,
    read_if,
    read_log,
    read_recursive_union,
    read_set_operation,
    read_tee,
    read_with,
)
from pipesql.pipe.reading.tables import JOIN_WORDS, read_call, read_from, read_join
from pipesql.pipe.scan import closing, note_standard, split, tokens

_CLAUSES = frozenset(
    {"expressions", "distinct", "kind", "from_", "joins", "where", "group", "having", "qualify", "windows"}
    | {"order", "limit", "offset"}
)


@depth_bounded
def parse(text: str, dialect: str = "bigquery") -> PipeQuery:
    """Read pipe SQL. Raises SqlSyntaxError for what is not a query, UnsupportedSql for a construct that is not read."""
    found = tokens(text, dialect)
    reader = _QueryReader(text, dialect)
    reader.fragments.prepare(found)
    return reader.query(found)


def parse_operators(operators: Sequence[str]) -> PipeQuery:
    """Read the texts of a query's operators, all but the first with their `|>`. Raises as `parse` does."""
    return parse(text_of(operators))


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
        with AtOperator(1):
            start = self._start(first)
        return PipeQuery((start, *self._operators(rest, found[-1], 2)), ctes, recursive)

    def pipeline(self, found: list[Token]) -> Subpipeline:
        """`|> … |> …`, the operators of a table that is not named."""
        if not found:
            return Subpipeline()
        if found[0].token_type != TokenType.PIPE_GT:
            raise self.fragments.error("a pipeline starts with |>", found[0])
        return Subpipeline(self._operators(split(found, TokenType.PIPE_GT)[1:], found[-1], 1))

    def _operators(self, segments: list[list[Token]], last: Token, first: int) -> tuple[op.Operator, ...]:
        """The operators that these segments are, the first of which has the number `first`."""
        if not all(segments):
            raise self.fragments.error("an operator is missing after |>", last)
        out = []
        for number, segment in enumerate(segments, first):
            with AtOperator(number):
                out.append(read_operator(self.fragments, segment))
        return tuple(out)

    def _start(self, segment: list[Token]) -> op.Operator:
        """FROM, SELECT, or a whole query in brackets."""
        head = segment[0]
        kind = head.token_type
        if kind == TokenType.FROM:
            return read_from(self.fragments, segment)
        if kind == TokenType.SELECT:
            return self._select(segment)
        if kind == TokenType.L_PAREN:
            return self._bracketed(segment)
        raise self.fragments.error(f"a pipe query starts with FROM, not with {head.text}", head)

    def _select(self, segment: list[Token]) -> op.Operator:
        """A SELECT: an operator if it needs no table and has no further clause, else a standard block."""
        note_standard(segment)
        tree = self.fragments.standard(segment, segment[0])
        if isinstance(tree, exp.Select) and is_plain(tree):
            return select_operator(tree)
        return self._block(tree, segment[0])

    def _block(self, tree: exp.Expr, head: Token) -> op.Block:
        if not isinstance(tree, exp.Query):
            raise self.fragments.error(f"this {head.text.upper()} cannot be read", head)
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


def read_operator(reader: FragmentReader, segment: list[Token]) -> op.Operator:
    """The operator that these tokens behind `|>` are."""
    head = segment[0]
    word = head.text.upper()
    read = _READERS.get(word)
    if read is not None:
        return read(reader, segment)
    if word == "MATCH_RECOGNIZE":
        raise reader.unsupported("the operator MATCH_RECOGNIZE", head)
    near = difflib.get_close_matches(word, _READERS, n=1, cutoff=0.7)
    hint = f": did you mean {near[0]}?" if near else ""
    raise reader.error(f"{head.text} is not a pipe operator{hint}", head)


def _where(reader: FragmentReader, segment: list[Token]) -> op.Where:
    return op.Where(reader.clause(segment, "where").this)


def _order_by(reader: FragmentReader, segment: list[Token]) -> op.OrderBy:
    return op.OrderBy(tuple(reader.clause(segment, "order").expressions))


def _window(reader: FragmentReader, segment: list[Token]) -> op.Window:
    return op.Window(reader.items(segment[1:], segment[0], stars="dotted"))


def _distinct(reader: FragmentReader, segment: list[Token]) -> op.Distinct:
    reader.cursor(segment[1:], segment[0]).end()
    return op.Distinct()


def _limit(reader: FragmentReader, segment: list[Token]) -> op.Limit:
    """`LIMIT count [OFFSET offset]`: whole numbers, or constants to be computed; the count may be ALL."""
    cursor = reader.cursor(segment[1:], segment[0])
    every = cursor.word() == "ALL"
    count = cursor.until("OFFSET")
    given = cursor.accept("OFFSET")
    amount: int | exp.Expr = exp.var("ALL") if every and len(count) == 1 else _amount(reader, count, segment[0])
    return op.Limit(amount, _amount(reader, cursor.rest(), segment[0]) if given else 0)


def _amount(reader: FragmentReader, found: list[Token], head: Token) -> int | exp.Expr:
    node = reader.one(found, head)
    if isinstance(node, exp.Literal) and node.is_int:
        return int(node.name)
    if isinstance(node, exp.Column) or (isinstance(node, exp.Literal) and node.is_string):
        raise reader.error("LIMIT takes whole numbers", head)
    return node


def _join_or_set_operation(reader: FragmentReader, segment: list[Token]) -> op.Operator:
    """LEFT, FULL or INNER may start either."""
    words_then = (t.text.upper() for t in segment[1:3])
    if any(w in SET_KINDS for w in words_then):
        return read_set_operation(reader, segment)
    return read_join(reader, segment)


_READERS: dict[str, Callable[[FragmentReader, list[Token]], op.Operator]] = {
    "WHERE": _where,
    "SELECT": read_select,
    "EXTEND": read_extend,
    "SET": read_set,
    "DROP": read_drop,
    "RENAME": read_rename,
    "AGGREGATE": read_aggregate,
    "ORDER": _order_by,
    "ORDER BY": _order_by,
    "LIMIT": _limit,
    "DISTINCT": _distinct,
    "AS": read_as,
    "WINDOW": _window,
    "WITH": read_with,
    "RECURSIVE": read_recursive_union,
    "CALL": read_call,
    "TABLESAMPLE": read_tablesample,
    "PIVOT": read_pivot,
    "UNPIVOT": read_unpivot,
    "ASSERT": read_assert,
    "DESCRIBE": read_describe,
    "STATIC_DESCRIBE": read_describe,
    "LOG": read_log,
    "TEE": read_tee,
    "FORK": read_fork,
    "IF": read_if,
    "CREATE": read_write,
    "INSERT": read_write,
    "EXPORT": read_export,
    **dict.fromkeys(SET_KINDS, read_set_operation),
    "OUTER": read_set_operation,
    **dict.fromkeys(JOIN_WORDS, _join_or_set_operation),
}
