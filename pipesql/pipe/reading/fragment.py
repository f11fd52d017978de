"""The expressions inside an operator, read by sqlglot's parser; errors say where in the text they are.

Queries inside expressions are read first; a reserved name stands for each while sqlglot reads what is around it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.identifiers import RESERVED
from pipesql.pipe.operators import Argument
from pipesql.pipe.query import PipeQuery, Subpipeline, nest
from pipesql.pipe.reading.cursor import Cursor, is_name
from pipesql.pipe.scan import CLOSE, OPEN, closing, complaint, dialect_named, note, place_of, position, split

_HINTS = frozenset({TokenType.L_BRACE, TokenType.NUMBER})
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
        self.parser = dialect_named(dialect).parser()
        self.query = query
        self.pipeline = pipeline
        self.nesting = Nesting(query, self._table)
        self.lower = text.lower()
        self.intervals = "interval" in self.lower

    def prepare(self, found: list[Token]) -> None:
        """Look at all tokens of the text once, to note how things are written. Raises UnsupportedSql for a hint."""
        if "@" in self.lower:
            for before, token in pairwise(found):
                if before.token_type == TokenType.PARAMETER and token.token_type in _HINTS:
                    raise self.unsupported("a hint", before)
        note(found, self.lower)

    def items(self, part: list[Token], head: Token, stars: str = "", trailing: bool = True) -> tuple[exp.Expr, ...]:
        """One or more expressions, with or without names; `stars` as in `select`, a comma may be `trailing`.

        Raises SqlSyntaxError.
        """
        if not part:
            raise self.error(f"{head.text.upper()} needs at least one expression", head)
        trails = part[-1].token_type == TokenType.COMMA
        if trails and (not trailing or len(part) == 1 or part[-2].token_type == TokenType.COMMA):
            raise self.error(f"an expression is missing behind the last comma of {head.text.upper()}", part[-1])
        found = tuple(self.select([*words("SELECT"), *part], head, {"expressions"}, stars).expressions)
        for node in found:
            name = node.this if isinstance(node, exp.Column) and not node.table else None
            if isinstance(name, exp.Identifier):
                self.check_name(name, head)
        return found

    def check_name(self, name: exp.Expr, head: Token) -> None:
        """Raise SqlSyntaxError for a name that sqlglot takes and GoogleSQL does not: a string, a reserved word."""
        if not isinstance(name, exp.Identifier):
            raise self.error(f"a name is expected in {head.text.upper()}", head)
        start = name.meta.get("start")
        if name.quoted and start is not None and self.text[start] != "`":
            raise self.error(f"{self.text[start : start + 40]} is a string, not a name", head)
        if not name.quoted and name.name.lower() in RESERVED:
            raise self.error(f"{name.name} is a keyword of GoogleSQL, not a name", head)

    def one(self, part: list[Token], head: Token) -> exp.Expr:
        """Exactly one expression, without a name. Raises SqlSyntaxError."""
        items = self.items(part, head)
        inside = items[0].this if isinstance(items[0], exp.Paren) else items[0]
        if len(items) != 1 or isinstance(inside, exp.Alias):
            raise self.error(f"{head.text.upper()} takes one expression here", part[0])
        return items[0]

    def parts(self, found: list[Token], head: Token, trailing: bool = True) -> list[list[Token]]:
        """Tokens cut at commas; one may be `trailing`. Raises SqlSyntaxError where a part is empty."""
        cut = split(found, TokenType.COMMA)
        if trailing and len(cut) > 1 and not cut[-1]:
            cut.pop()
        if not all(cut):
            raise self.error(f"something is missing in the list of {head.text.upper()}", head)
        return cut

    def clause(self, segment: list[Token], name: str) -> exp.Expr:
        """A clause of a SELECT by sqlglot's name for it. Raises SqlSyntaxError."""
        node: exp.Expr | None = self.select(
            [*words("SELECT", "1"), *segment], segment[0], {"expressions", name}
        ).args.get(name)
        if node is None:
            raise self.error(f"{segment[0].text} is not complete", segment[0])
        return node

    def select(self, found: list[Token], head: Token, wanted: set[str], stars: str = "all") -> exp.Select:
        """Tokens as a SELECT that may hold only the clauses `wanted`.

        `stars` says which of them may be items: "all", "dotted" for `t.*` alone, or none. Raises SqlSyntaxError.
        """
        tree = self.standard(found, head)
        if not isinstance(tree, exp.Select) or not tree.expressions:
            raise self.error(f"this {head.text.upper()} cannot be read", head)
        extra = {k for k, v in tree.args.items() if v} - wanted
        if extra:
            clause = sorted(extra)[0].rstrip("_").upper()
            raise self.error(f"{clause} cannot stand inside {head.text.upper()}", head)
        for item in tree.expressions:
            if isinstance(item, exp.Alias):
                self.check_name(item.args["alias"], head)
        kinds = [token.token_type for token in found]
        queries = TokenType.FROM in kinds or TokenType.SELECT in kinds[1:]
        if queries and any(node is not tree for node in tree.find_all(exp.Select)):
            raise self.error(f"a query inside {head.text.upper()} needs brackets of its own", head)
        if TokenType.ALIAS in kinds:
            for alias in tree.find_all(exp.Alias):
                if isinstance(alias.parent, exp.Paren | exp.Tuple):
                    raise self.error(f"AS {alias.alias} is not expected in brackets in {head.text.upper()}", head)
        if TokenType.STAR in kinds:
            for item in tree.expressions:
                self._check_stars(item, stars, head)
        return tree

    def _check_stars(self, item: exp.Expr, stars: str, head: Token) -> None:
        """A star is an item of its own, or all there is between a function's brackets."""
        for star in item.find_all(exp.Star):
            dotted = isinstance(star.parent, exp.Column | exp.Dot)
            stands = star.parent if dotted else star
            as_item = stands is item and (stars == "all" or (stars == "dotted" and dotted))
            if not as_item and (dotted or not isinstance(star.parent, exp.Func)):
                raise self.error(f"* cannot stand here in {head.text.upper()}", head)

    def standard(self, found: list[Token], head: Token) -> exp.Expr:
        """Tokens as a statement of standard SQL, nested queries inside it as leaves. Raises SqlSyntaxError."""
        reserved, held = self.nesting.reserve(found)
        try:
            trees = self.parser.parse(reserved, self.text)
        except SqlglotError as e:
            raise self.error(f"{complaint(e)} in {head.text.upper()}", head, place_of(e, self.text)) from e
        except (AssertionError, AttributeError, TypeError, ValueError, LookupError) as e:  # sqlglot's own slips
            raise self.error(f"this {head.text.upper()} cannot be read", head) from e
        tree = trees[0] if len(trees) == 1 else None
        if tree is None or (held and not embed(tree, held)):
            raise self.error(f"this {head.text.upper()} cannot be read", head)
        if "array" in self.lower and tree.find(exp.Command) is not None:
            raise self.error(f"a query is expected inside ARRAY( ) in {head.text.upper()}", head)
        if self.intervals and any(not i.args.get("unit") for i in tree.find_all(exp.Interval)):
            raise self.error("INTERVAL needs a value and a unit, as in INTERVAL 1 DAY", head)
        return tree

    def _table(self, found: list[Token]) -> exp.Expr:
        """The name of a table, a path of names."""
        table: exp.Expr = (
            self.select([*words("SELECT", "1", "FROM"), *found], found[0], {"expressions", "from_"}).args["from_"].this
        )
        return table

    def cursor(self, found: list[Token], head: Token) -> Cursor:
        """A cursor at the start of these tokens of the operator `head`."""
        return Cursor(found, self, head)

    def error(self, message: str, at: Token, offset: int | None = None) -> SqlSyntaxError:
        """The error, with the line and column of a token or of an offset, on one line whatever it quotes."""
        offset = at.start if offset is None else offset
        return SqlSyntaxError(f"{' '.join(message.split())} ({position(self.text, offset)})", position=offset)

    def unsupported(self, construct: str, at: Token) -> UnsupportedSql:
        """The refusal of a construct that is not read, with the line and column of a token."""
        return UnsupportedSql(construct, place=position(self.text, at.start), position=at.start)


def words(*texts: str) -> list[Token]:
    """Tokens that stand in front of a fragment to make it a SELECT."""
    return [Token(_WORDS.get(text, TokenType.VAR), text) for text in texts]


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
    """Whether a query in brackets starts here and continues behind them: `(…) |> …`, `(…) UNION ALL (…)`."""
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
