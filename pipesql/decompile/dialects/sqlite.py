"""SQLite's operators and functions in GoogleSQL's words, LIKE and GLOB with their patterns among them.

LIKE of GoogleSQL distinguishes small and capital letters, and the backslash is its escape character.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import integer, surely_positive, unbracketed
from pipesql.pipe.types import DATE, INT, REAL

Write = Callable[[exp.Expr], exp.Expr]


class SqliteRules:
    """The rules of SQLite for one query."""

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings

    def table(self) -> dict[type[exp.Expr], Callable[[Any, Write], exp.Expr | None]]:
        """The rules by class of node."""
        return {
            exp.Div: self.division,
            exp.Like: self.like,
            exp.Glob: self.glob,
            exp.In: self.in_,
            exp.Escape: self.escape,
            exp.Max: self.extreme,
            exp.Min: self.extreme,
            exp.Trim: self.trim,
            exp.Substring: self.substring,
            exp.Round: self.round,
            exp.Cast: self.cast,
            exp.Add: self.arithmetic,
            exp.Sub: self.arithmetic,
            exp.Mul: self.arithmetic,
        }

    def division(self, node: exp.Div, write: Write) -> exp.Expr:
        """SQLite divides integers to an integer: DIV; any real makes it real: `/`. Unknown types are refused."""
        return divided(self.bindings, node, write(node.this), write(node.expression))

    def extreme(self, node: exp.Max | exp.Min, write: Write) -> exp.Expr | None:
        """MAX and MIN of several values are GREATEST and LEAST."""
        if not node.expressions:
            return None
        kind = exp.Greatest if isinstance(node, exp.Max) else exp.Least
        parts = [write(e) for e in (node.this, *node.expressions)]
        return kind(this=parts[0], expressions=parts[1:])

    def trim(self, node: exp.Trim, write: Write) -> exp.Expr | None:
        """TRIM removes spaces; GoogleSQL's removes all white space, unless it names the characters."""
        if node.expression is not None:
            return None
        return exp.Trim(this=write(node.this), expression=exp.Literal.string(" "), position=node.args.get("position"))

    def substring(self, node: exp.Substring, write: Write) -> exp.Expr | None:
        """Characters before the first one count in SQLite; GoogleSQL begins with the first instead."""
        start, length = node.args["start"], node.args.get("length")
        place, count = integer(start), integer(length)
        if length is None or surely_positive(start):
            return None
        if place is not None and count is not None and count >= -place:
            if place < 0:  # the end of the text, all of it if it is shorter
                return exp.Substring(this=write(node.this), start=write(start))
            shorter = exp.Literal.number(max(count - 1, 0))
            return exp.Substring(this=write(node.this), start=exp.Literal.number(1), length=shorter)
        raise UnsupportedSql("SUBSTR from a place that may lie before the first character", self.bindings.shown(node))

    def round(self, node: exp.Round, write: Write) -> exp.Expr | None:
        """ROUND to tens is ROUND to units."""
        places = integer(node.args.get("decimals"))
        return exp.Round(this=write(node.this)) if places is not None and places <= 0 else None

    def cast(self, node: exp.Cast, write: Write) -> None:
        """A CAST to a type that SQLite lacks gives a number; SQLite writes the digits of reals in its own way."""
        if not node.to.is_type(*exp.DataType.NUMERIC_TYPES, *exp.DataType.TEXT_TYPES, "blob", "binary", "varbinary"):
            raise UnsupportedSql(f"CAST AS {node.to.sql('bigquery')}, which is a number in SQLite")
        if node.to.is_type(*exp.DataType.TEXT_TYPES) and self.bindings.kind(node.this) == REAL:
            raise UnsupportedSql("CAST of a REAL AS TEXT, whose digits SQLite writes in its own way")

    def arithmetic(self, node: exp.Binary, write: Write) -> None:
        """A DATE column holds texts; SQLite calculates with their years."""
        if DATE in (self.bindings.kind(node.this), self.bindings.kind(node.expression)):
            raise UnsupportedSql("arithmetic on a DATE, which SQLite reads as a number", self.bindings.shown(node))

    def in_(self, node: exp.In, write: Write) -> exp.Expr | None:
        """`x IN ()`: never, not even for NULL."""
        full = node.expressions or node.args.get("query") or node.args.get("field")
        return None if full else exp.false()

    def glob(self, node: exp.Glob, write: Write) -> exp.Expr | None:
        """GLOB distinguishes case, as GoogleSQL's LIKE does."""
        pattern = glob_as_like(node.expression)
        return None if pattern is None else exp.Like(this=write(node.this), expression=pattern)

    def escape(self, node: exp.Escape, write: Write) -> exp.Expr:
        """LIKE … ESCAPE: GoogleSQL's escape character is the backslash."""
        return self.like(node.this, write, escape_character(node))

    def like(self, node: exp.Like, write: Write, escape: str = "") -> exp.Expr:
        """SQLite's LIKE ignores the case of ASCII letters: both sides are lowered."""
        value, pattern = write(node.this), write(node.expression)
        if self.bindings.kind(node.this) == REAL:
            raise UnsupportedSql("LIKE of a REAL, whose digits SQLite writes in its own way", self.bindings.shown(node))
        if self.bindings.kind(node.this) == INT:
            value = exp.Cast(this=value, to=exp.DataType.build("TEXT"))
        if is_text(pattern):
            text = backslashed(pattern.name, escape)
            low = ascii_lower(text)
            pattern = exp.Literal.string(text)
            if low == text and not any("a" <= ch <= "z" for ch in low):
                return exp.Like(this=value, expression=pattern, negate=node.args.get("negate"))
            pattern = exp.Literal.string(low)
        else:
            pattern = exp.Lower(this=pattern)
        lowered = value if isinstance(value, exp.Lower) else exp.Lower(this=value)
        return exp.Like(this=lowered, expression=pattern, negate=node.args.get("negate"))


def divided(bindings: Bindings, node: exp.Div, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """`/` of a dialect that divides integers to an integer. Raises UnsupportedSql where the types do not decide."""
    kinds = (bindings.kind(node.this), bindings.kind(node.expression))
    if kinds == (INT, INT):
        return exp.IntDiv(this=unbracketed(left), expression=unbracketed(right))
    if REAL in kinds:
        return exp.Div(this=left, expression=right, typed=False, safe=False)
    shown = exp.Div(this=left, expression=right, typed=True, safe=True).sql("sqlite")[:80]
    raise UnsupportedSql(
        "a division whose operands may be integers or not", f"{shown}; CAST one side, or multiply it by 1.0"
    )


def escape_character(node: exp.Escape) -> str:
    """The character of LIKE … ESCAPE. Raises UnsupportedSql unless it and the pattern are literals."""
    like, escape = node.this, node.expression
    plain = isinstance(like, exp.Like | exp.ILike) and is_text(like.expression) and is_text(escape)
    if not plain or len(escape.name) != 1:
        raise UnsupportedSql("LIKE … ESCAPE with anything but a literal pattern")
    character: str = escape.name
    return character


def ascii_lower(text: str) -> str:
    """Lower case for A-Z only, as SQLite's LIKE and LOWER do."""
    return "".join(ch.lower() if "A" <= ch <= "Z" else ch for ch in text)


def backslashed(pattern: str, escape: str) -> str:
    """A LIKE pattern whose escape character is `escape` (if any), rewritten for the backslash."""
    out = []
    characters = iter(pattern)
    for ch in characters:
        if ch == escape:
            ch = next(characters, "")
            out.append(f"\\{ch}" if ch in ("%", "_", "\\") else ch)
        else:
            out.append("\\\\" if ch == "\\" else ch)
    return "".join(out)


def glob_as_like(pattern: exp.Expr) -> exp.Literal | None:
    """A GLOB pattern as one of LIKE, which distinguishes case in GoogleSQL; None if it is computed or has brackets."""
    if not is_text(pattern) or "[" in pattern.name:
        return None
    meaning = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
    return exp.Literal.string("".join(meaning.get(ch, ch) for ch in pattern.name))


def is_text(node: exp.Expr) -> bool:
    """Whether the node is a text literal."""
    return isinstance(node, exp.Literal) and bool(node.is_string)
