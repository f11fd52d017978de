"""Text to tokens, tokens to segments cut at every `|>` outside brackets, and notes on what sqlglot's tree would forget.

sqlglot's BigQuery tokenizer marks the pipe as PIPE_GT, never inside a string or a comment, so cutting at bracket depth
zero is sound whatever the literals hold.

A note serves printing alone, which must give Google's parser the same tree. sqlglot carries the comments of a token to
the node that it makes of it: a note is such a comment, put on the token before sqlglot reads it. It starts with a
character that no text holds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, Dialects
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokens import Token, TokenType
from sqlglot.trie import new_trie

from pipesql.errors import SqlSyntaxError
from pipesql.pipe.identifiers import suggestion

OPEN = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_DEEPEST = 200
CLOSE = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})


_COMMENT_SIGNS = ("--", "/*", "#")
_TWO_WORDS = {
    ("ORDER", "BY"): TokenType.ORDER_BY,
    ("GROUP", "BY"): TokenType.GROUP_BY,
    ("PARTITION", "BY"): TokenType.PARTITION_BY,
    ("GROUPING", "SETS"): TokenType.GROUPING_SETS,
}
_SHORT_FORMATS = ("%F", "%T", "%D", "%c")
_TOKENIZERS, _GENERATORS = threading.local(), threading.local()
"""By dialect: making one takes as long as what it does, and two threads cannot share one."""


@lru_cache(maxsize=8)
def dialect_named(name: str) -> Dialect:
    """sqlglot's dialect of that name. Raises SqlSyntaxError for an unknown one."""
    try:
        dialect = Dialect.get_or_raise(name)
    except ValueError as e:
        known = suggestion(name, (one.value for one in Dialects))
        raise SqlSyntaxError(f"unknown SQL dialect {name!r}: {known}") from e
    if name == "bigquery":  # sqlglot would shorten '%Y-%m-%d' to '%F', which PARSE_DATE does not take
        kept = {form: short for form, short in dialect.INVERSE_TIME_MAPPING.items() if short not in _SHORT_FORMATS}
        dialect.INVERSE_TIME_MAPPING, dialect.INVERSE_TIME_TRIE = kept, new_trie(kept)
    return dialect


def standard_text(node: exp.Expr, dialect: str) -> str:
    """An expression as sqlglot writes it in a dialect."""
    generator = _GENERATORS.__dict__.get(dialect)
    if generator is None:
        generator = _GENERATORS.__dict__[dialect] = dialect_named(dialect).generator()
    text: str = generator.generate(node)
    return text


def tokens(text: str, dialect: str) -> list[Token]:
    """The tokens of a query, a closing semicolon left out. Raises SqlSyntaxError."""
    try:
        tokenizer = _TOKENIZERS.__dict__.get(dialect)
        if tokenizer is None:
            tokenizer = _TOKENIZERS.__dict__[dialect] = dialect_named(dialect).tokenizer()
        found: list[Token] = tokenizer.tokenize(text)
    except TokenError as e:
        raise SqlSyntaxError(complaint(e)) from e
    if any(sign in text for sign in _COMMENT_SIGNS):
        found = _with_keywords(found)
    while found and found[-1].token_type == TokenType.SEMICOLON:
        found.pop()
    if not found:
        raise SqlSyntaxError("the query is empty", position=0)
    depth = 0
    for token in found:
        kind = token.token_type
        if kind == TokenType.SEMICOLON:
            raise _at("one query is expected, a second statement begins", token)
        if kind in OPEN:
            depth += 1
            if depth > _DEEPEST:
                raise _at(f"brackets nest more than {_DEEPEST} deep: move the inner parts into WITH", token)
        elif kind in CLOSE:
            depth -= 1
    return found


def _with_keywords(found: list[Token]) -> list[Token]:
    """The tokens, with those that are one keyword made one: sqlglot does so where only white space is between."""
    out: list[Token] = []
    for token in found:
        kind = None
        if out and out[-1].token_type != TokenType.IDENTIFIER and token.token_type == TokenType.VAR:
            kind = _TWO_WORDS.get((out[-1].text.upper(), token.text.upper()))
        if kind is not None:
            first = out[-1]
            text = f"{first.text} {token.text}"
            out[-1] = Token(kind, text, line=first.line, col=first.col, start=first.start, end=token.end)
        else:
            out.append(token)
    return out


def closing(found: list[Token], start: int) -> int:
    """Index of the bracket that closes the one at `start`. Raises SqlSyntaxError."""
    depth = 0
    for i in range(start, len(found)):
        kind = found[i].token_type
        if kind in OPEN:
            depth += 1
        elif kind in CLOSE:
            depth -= 1
            if depth == 0:
                return i
    raise _at("a bracket is never closed", found[start])


def split(found: list[Token], separator: TokenType) -> list[list[Token]]:
    """Cut tokens at every `separator` outside brackets; the separators are left out. Raises SqlSyntaxError."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        kind = token.token_type
        if kind in OPEN:
            depth += 1
        elif kind in CLOSE:
            depth -= 1
            if depth < 0:
                raise _at("a bracket is closed here that was never opened", token)
        if kind == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    if depth:
        raise _at("a bracket before this is never closed", found[-1])
    return parts


def _at(message: str, token: Token) -> SqlSyntaxError:
    """The error with the place of a token; sqlglot notes the column where a token ends."""
    column = token.col - (token.end - token.start)
    return SqlSyntaxError(f"{message} (line {token.line}, column {column})", position=token.start)


def position(text: str, offset: int) -> str:
    """`line L, column C` of a character offset, counted from one."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def complaint(error: SqlglotError) -> str:
    """What sqlglot found wrong, on one line without a full stop, in words of ours where it names its own classes."""
    first = (getattr(error, "errors", None) or [{}])[0]
    description, near = str(first.get("description") or error), str(first.get("highlight") or "")
    if isinstance(error, TokenError):
        found = " ".join(str(error).split()).removeprefix("Error tokenizing ")
        return f"a string, a quoted name or a comment is never closed, near {found}"
    if description.startswith("Required keyword"):
        return "an expression is not complete"
    if description.startswith("Invalid expression") and near and (first.get("col") or 0) > 1:
        return f"{near[:40]} is not expected"
    if description.startswith("Expected table name"):
        return "a table's name is missing"
    if description.startswith("Expecting "):
        return f"{description.removeprefix('Expecting ')} is missing"
    expected, after, word = description.removeprefix("Expected ").partition(" after ")
    if after:
        return f"{expected} is expected after {word}"
    if description.startswith("Expected DISTINCT or ALL for "):
        return f"{description.rpartition(' ')[2].upper()} must be followed by ALL or DISTINCT"
    return " ".join(description.split()).rstrip(".")[:200]


def place_of(error: SqlglotError, text: str) -> int | None:
    """The offset in the text of the token at which sqlglot stopped; None where it is not known."""
    first = (getattr(error, "errors", None) or [{}])[0]
    line, column, near = first.get("line"), first.get("col"), str(first.get("highlight") or "")
    if not line or not column or not near:
        return None
    before = text.split("\n")[: line - 1]
    offset = sum(len(one) + 1 for one in before) + column - len(near)
    return offset if offset >= 0 and text.startswith(near, offset) else None


_NOTE = "\ufffe"
UNEQUAL = _NOTE + "!="
"""On `a != b`: sqlglot reads the same as from `a <> b`."""
JOIN = _NOTE + "JOIN"
"""On a join written with JOIN; without this note, a join that has no condition was a comma."""
WRITTEN = _NOTE + "written"
"""On TRUE behind ON, the literal of `DATE '…'`, UNKNOWN, NULLS FIRST or LAST: sqlglot makes the same of what is not."""
PREFIX = _NOTE + "NOT"
"""With their number, on what follows NOTs in front: sqlglot has one tree for `NOT x IN (…)` and `x NOT IN (…)`."""
MATCHING = _NOTE + "by "
"""On a set operation, before its CORRESPONDING, which sqlglot turns into BY NAME."""
CAST = _NOTE + "cast "
"""On what is written as a cast, before the name of its type if sqlglot has another name for it."""

_OTHER_TYPES = frozenset(
    ["INT", "INTEGER", "INT32", "SMALLINT", "TINYINT", "BYTEINT", "BOOLEAN", "FLOAT", "DECIMAL", "BIGDECIMAL"]
)
_LITERALS = frozenset({"DATE", "TIME", "DATETIME", "TIMESTAMP", "JSON", "NUMERIC", "BIGNUMERIC"})
_CLUES = ("!=", "nulls", "date", "time", "json", "numeric", "cast", " not ", "unknown")
_SET_OPERATIONS = frozenset({TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT})
_BEGIN_WITH_A_PART = (exp.Binary, exp.Between, exp.In, exp.Bracket)
_INFIX = frozenset({"IN", "LIKE", "BETWEEN", "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT", "EXISTS"})


def note(found: list[Token], lower: str) -> None:
    """Put notes on the tokens of a text; `lower` is the text in lower case."""
    if not any(clue in lower for clue in _CLUES):
        return
    negations = 0
    for before, token in pairwise(found):
        kind = token.token_type
        negations = negations + 1 if before.token_type == TokenType.NOT else 0
        if kind == TokenType.NEQ:
            if token.text == "!=":
                token.comments.append(UNEQUAL)
        elif kind == TokenType.STRING:
            if before.text.upper() in _LITERALS:
                token.comments.append(WRITTEN)
        elif before.token_type == TokenType.NOT:
            word = token.text.upper()
            if word == "UNKNOWN" or word not in _INFIX:
                token.comments.append(WRITTEN if word == "UNKNOWN" else PREFIX + str(negations))
        elif before.text.upper() == "NULLS" or (before.token_type == TokenType.IS and token.text.upper() == "UNKNOWN"):
            token.comments.append(WRITTEN)

    if "cast" in lower:
        _note_casts(found)


def _note_casts(found: list[Token]) -> None:
    for at, token in enumerate(found[:-1]):
        if token.text.upper() in ("CAST", "SAFE_CAST") and found[at + 1].token_type == TokenType.L_PAREN:
            end = closing(found, at + 1)
            last = found[end - 1].text.upper()
            found[end].comments.append(CAST + (last if last in _OTHER_TYPES else ""))


def note_standard(found: list[Token]) -> None:
    """Put notes on the joins and set operations that sqlglot reads itself, in standard SQL and between brackets."""
    for before, token in pairwise(found):
        if token.token_type == TokenType.JOIN:
            token.comments.append(JOIN)
        elif token.token_type == TokenType.TRUE and before.token_type == TokenType.ON:
            token.comments.append(WRITTEN)
    for at, token in enumerate(found):
        if token.token_type in _SET_OPERATIONS:
            following = [t.text.upper() for t in found[at + 2 : at + 4]]
            if following[:1] == ["CORRESPONDING"] or following == ["STRICT", "CORRESPONDING"]:
                token.comments.append(MATCHING + " ".join(following[: following.index("CORRESPONDING") + 1]))


def _notes(node: exp.Expr) -> list[str]:
    """The notes on a node, or on the name that it stands under, where sqlglot moves them."""
    above = node.parent.comments if isinstance(node.parent, exp.Alias) else None
    return [*(node.comments or ()), *(above or ())]


def noted(node: exp.Expr, what: str) -> bool:
    """Whether a note is on a node."""
    return what in _notes(node)


def stands_in_front(negation: exp.Not) -> bool:
    """Whether a NOT is written in front of what it negates, as far as is noted: the first ones of several are."""
    place = 1
    while isinstance(negation.parent, exp.Not):
        negation, place = negation.parent, place + 1
    innermost = negation
    while isinstance(innermost.this, exp.Not):
        innermost = innermost.this
    notes = (note for part in _first_tokens(innermost.this.this) for note in part.comments or ())
    return any(int(note.removeprefix(PREFIX)) >= place for note in notes if note.startswith(PREFIX))


def _first_tokens(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes that the first token of a node's text may belong to."""
    yield node
    if isinstance(node, exp.Column | exp.Dot):
        yield from (part for part in node.walk() if isinstance(part, exp.Identifier))
    if isinstance(node, _BEGIN_WITH_A_PART):
        yield from _first_tokens(node.this)


def cast_type(node: exp.Expr) -> str | None:
    """The other name that a cast's type was written with, empty if none is noted; None where no cast is written."""
    return next((c.removeprefix(CAST) for c in _notes(node) if c.startswith(CAST)), None)
