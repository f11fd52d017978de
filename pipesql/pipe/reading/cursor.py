"""A place in a run of tokens, to read the parts of an operator that are not expressions: its words, names, brackets."""

from __future__ import annotations

from typing import Protocol

from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError
from pipesql.pipe.identifiers import RESERVED
from pipesql.pipe.scan import CLOSE, OPEN, closing

_NO_NAMES = frozenset(
    {
        TokenType.STRING,
        TokenType.RAW_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.UNICODE_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.NUMBER,
    }
)


def is_name(token: Token) -> bool:
    """Whether a token may be a name: quoted, or a word that GoogleSQL does not reserve."""
    kind, text = token.token_type, token.text
    if kind == TokenType.VAR or kind == TokenType.IDENTIFIER:
        return bool(text) and (kind == TokenType.IDENTIFIER or text.lower() not in RESERVED)
    return kind not in _NO_NAMES and text.isidentifier() and text.lower() not in RESERVED


class TextReader(Protocol):
    """What a cursor needs of the reader of the whole text."""

    def parts(self, found: list[Token], head: Token, trailing: bool = True) -> list[list[Token]]:
        """Tokens cut at commas; one may be `trailing`."""

    def error(self, message: str, at: Token) -> SqlSyntaxError:
        """The error, with the line and column of a token."""


class Cursor:
    """Reads tokens from the left. Every method that demands something raises SqlSyntaxError where it is missing."""

    def __init__(self, found: list[Token], reader: TextReader, head: Token) -> None:
        self.found = found
        self.reader = reader
        self.head = head
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.found)

    @property
    def here(self) -> Token:
        """The next token, or the operator's own where nothing is left."""
        return self.found[self.at] if self.at < len(self.found) else self.head

    def word(self, ahead: int = 0) -> str:
        """The next word in upper case; empty for a string, a quoted name or the end."""
        at = self.at + ahead
        if at >= len(self.found):
            return ""
        token = self.found[at]
        return "" if token.token_type in _NO_NAMES or token.token_type == TokenType.IDENTIFIER else token.text.upper()

    def accept(self, *words: str) -> bool:
        """Step over these words if they come next."""
        if all(self.word(n) == w for n, w in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def one_of(self, *words: str) -> str:
        """Step over one of these words and give it, or nothing."""
        word = self.word()
        if word in words:
            self.at += 1
            return word
        return ""

    def expect(self, *words: str) -> None:
        """Step over these words."""
        if not self.accept(*words):
            raise self.reader.error(f"expected {' '.join(words)} in {self.head.text.upper()}", self.here)

    def name(self, what: str = "a name") -> str:
        """Step over a name."""
        if self.done or not is_name(self.found[self.at]):
            raise self.reader.error(f"{self.head.text.upper()} needs {what} here", self.here)
        self.at += 1
        return self.found[self.at - 1].text

    def path(self, what: str = "a name") -> tuple[str, ...]:
        """Step over `name.name…`; behind a dot any word is a name."""
        parts = [self.name(what)]
        while not self.done and self.found[self.at].token_type == TokenType.DOT:
            self.at += 2
            part = self.found[self.at - 1] if self.at <= len(self.found) else self.head
            if part.token_type in _NO_NAMES or part is self.head:
                raise self.reader.error("a name is missing after the dot", part)
            parts.append(part.text)
        return tuple(parts)

    def alias(self) -> str:
        """Step over `[AS] name` if it comes next; else empty."""
        if self.accept("AS"):
            return self.name("a name after AS")
        return self.name() if not self.done and is_name(self.found[self.at]) else ""

    def opens(self) -> bool:
        """Whether a round bracket comes next."""
        return not self.done and self.found[self.at].token_type == TokenType.L_PAREN

    def bracket(self, what: str) -> list[Token]:
        """Step over `( … )` and give the tokens inside."""
        if not self.opens():
            raise self.reader.error(f"{self.head.text.upper()} needs {what} in parentheses", self.here)
        start = self.at
        self.at = closing(self.found, start) + 1
        return self.found[start + 1 : self.at - 1]

    def names(self, what: str) -> tuple[str, ...]:
        """Step over `(name, …)`."""
        found = []
        for part in self.reader.parts(self.bracket(what), self.head, trailing=False):
            column = Cursor(part, self.reader, self.head)
            found.append(column.name())
            column.end()
        return tuple(found)

    def until(self, *words: str) -> list[Token]:
        """Step over everything before one of these words, outside brackets and CASE; to the end if there is none."""
        start, depth = self.at, 0
        while not self.done:
            kind = self.found[self.at].token_type
            if kind in OPEN or kind == TokenType.CASE:
                depth += 1
            elif kind in CLOSE or kind == TokenType.END:
                depth -= 1
            elif depth <= 0 and self.word() in words:
                break
            self.at += 1
        return self.found[start : self.at]

    def rest(self) -> list[Token]:
        """Step over everything that is left."""
        start, self.at = self.at, len(self.found)
        return self.found[start:]

    def end(self) -> None:
        """Demand that nothing is left."""
        if not self.done:
            raise self.reader.error(f"{self.here.text} cannot follow here in {self.head.text.upper()}", self.here)
