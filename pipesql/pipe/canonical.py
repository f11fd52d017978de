"""`pipesql canonical`: the canonical text of a query, with its comments.

A comment goes on a line of its own above the operator in or before which it was written, also from inside brackets;
what was written below the last operator stays below it. `#` and `/* … */` become `--`. The canonical form of a
canonical form is itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot.tokens import Token, TokenType

from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.scan import CLOSE, OPEN, tokens

_LINE_STARTS = ("--", "#")


def format_query(text: str) -> str:
    """The query as canonical GoogleSQL pipe text with its comments. Raises SqlSyntaxError or UnsupportedSql."""
    shown = print_operators(parse(text))
    above, below = _comments(text, tokens(text, "bigquery"), len(shown))
    lines = [line for comments, operator in zip(above, shown, strict=True) for line in (*comments, operator)]
    return "\n".join(lines + below)


def _comments(text: str, found: list[Token], operators: int) -> tuple[list[list[str]], list[str]]:
    """The lines of comments above each operator, and those below the last."""
    above: list[list[str]] = [[] for _ in range(operators)]
    below: list[str] = []
    number = depth = end = 0
    for token in found:
        kind = token.token_type
        after = number + (kind == TokenType.PIPE_GT and not depth)
        for comment, own_line in _between(text, end, token.start):
            above[after if own_line or not end else number] += comment
        number, end = after, token.end + 1
        depth += (kind in OPEN) - (kind in CLOSE)
    for comment, own_line in _between(text, end, len(text)):
        (below if own_line else above[number]).extend(comment)
    return above, below


def _between(text: str, start: int, end: int) -> Iterator[tuple[list[str], bool]]:
    """The comments between two tokens as lines to print, each with whether it starts on a line after the first token.

    There is nothing else but white space there, and semicolons at the end of the text.
    """
    at = start
    while at < end:
        stop = at + 1
        if text.startswith("/*", at):
            stop = _behind(text, "*/", at + 2, end)
            inside = text[at + 2 : stop].removesuffix("*/").strip().splitlines()
            yield [f"-- {line.strip()}".rstrip() for line in inside], "\n" in text[start:at]
        elif text.startswith(_LINE_STARTS, at):
            stop = _behind(text, "\n", at, end)
            inside = text[at:stop].removeprefix("#").removeprefix("--").rstrip().splitlines()
            yield ["--" + " ".join(inside)], "\n" in text[start:at]
        at = stop


def _behind(text: str, what: str, start: int, end: int) -> int:
    """Where `what` ends, or the end."""
    found = text.find(what, start, end)
    return end if found < 0 else found + len(what)
