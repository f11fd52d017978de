"""From text to operator segments: tokens, cut at every `|>` that no bracket encloses.

sqlglot's BigQuery tokenizer marks the pipe as PIPE_GT, never inside a string or comment, so cutting at bracket depth
zero is sound whatever the literals hold.
"""

from __future__ import annotations

import threading
from functools import lru_cache

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokens import Token, TokenType
from sqlglot.trie import new_trie

from pipesql.errors import SqlSyntaxError

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
_THREAD = threading.local()
"""Tokenizers by dialect: making one takes as long as what it does, and two threads cannot share one."""


@lru_cache(maxsize=8)
def dialect_named(name: str) -> Dialect:
    """sqlglot's dialect of that name. Raises SqlSyntaxError for an unknown one."""
    try:
        dialect = Dialect.get_or_raise(name)
    except ValueError as e:
        raise SqlSyntaxError(f"unknown SQL dialect {name!r}") from e
    if name == "bigquery":  # sqlglot would shorten '%Y-%m-%d' to '%F', which PARSE_DATE does not take
        kept = {form: short for form, short in dialect.INVERSE_TIME_MAPPING.items() if short not in _SHORT_FORMATS}
        dialect.INVERSE_TIME_MAPPING, dialect.INVERSE_TIME_TRIE = kept, new_trie(kept)
    return dialect


def tokens(text: str, dialect: str) -> list[Token]:
    """The tokens of a query, a closing semicolon left out. Raises SqlSyntaxError."""
    try:
        tokenizer = _THREAD.__dict__.get(dialect)
        if tokenizer is None:
            tokenizer = _THREAD.__dict__[dialect] = dialect_named(dialect).tokenizer()
        found: list[Token] = tokenizer.tokenize(text)
    except TokenError as e:
        near = " ".join(str(e).split()).removeprefix("Error tokenizing ")
        raise SqlSyntaxError(f"a string, a quoted name or a comment is never closed, near {near}") from e
    if any(sign in text for sign in _COMMENT_SIGNS):
        found = _with_keywords(found)
    while found and found[-1].token_type == TokenType.SEMICOLON:
        found.pop()
    if not found:
        raise SqlSyntaxError("the query is empty", 0)
    depth = 0
    for token in found:
        kind = token.token_type
        if kind == TokenType.SEMICOLON:
            raise _at("more than one statement: one query is expected", token)
        if kind in OPEN:
            depth += 1
            if depth > _DEEPEST:
                raise _at(f"brackets nest more than {_DEEPEST} deep: that is too deep", token)
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
                raise _at("a bracket is closed that was never opened", token)
        if kind == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    if depth:
        raise _at("a bracket is never closed before this", found[-1])
    return parts


def _at(message: str, token: Token) -> SqlSyntaxError:
    """The error with the place of a token; sqlglot notes the column where a token ends."""
    column = token.col - (token.end - token.start)
    return SqlSyntaxError(f"{message} (line {token.line}, column {column})", token.start)


def position(text: str, offset: int) -> str:
    """`line L, column C` of a character offset, counted from one."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def first_line(error: SqlglotError) -> str:
    """What sqlglot found wrong, on one line without a full stop."""
    errors = getattr(error, "errors", None)
    description = errors[0].get("description") if errors else None
    return " ".join(str(description or error).split()).rstrip(".")[:200]
