"""SQLite's operators and functions in GoogleSQL's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from pipesql.decompile.patterns import ascii_lower, backslashed, glob_as_like, is_text
from pipesql.errors import UnsupportedSql
from pipesql.pipe.rebuild import unbracketed
from pipesql.pipe.types import INT, REAL

if TYPE_CHECKING:
    from pipesql.decompile.bind import Binder

Write = Callable[[exp.Expr], exp.Expr]


class SqliteRules:
    """The rules of SQLite for one query."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder

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
        }

    def division(self, node: exp.Div, write: Write) -> exp.Expr:
        """SQLite divides integers to an integer: DIV; any real makes it real: `/`. Unknown types are refused."""
        return divided(self.binder, node, write(node.this), write(node.expression))

    def extreme(self, node: exp.Max | exp.Min, write: Write) -> exp.Expr | None:
        """MAX and MIN of several values are GREATEST and LEAST."""
        if not node.expressions:
            return None
        kind = exp.Greatest if isinstance(node, exp.Max) else exp.Least
        parts = [write(e) for e in (node.this, *node.expressions)]
        return kind(this=parts[0], expressions=parts[1:])

    def trim(self, node: exp.Trim, write: Write) -> exp.Expr | None:
        """TRIM takes spaces away; GoogleSQL's all white space, unless it is told."""
        if node.expression is not None:
            return None
        return exp.Trim(this=write(node.this), expression=exp.Literal.string(" "), position=node.args.get("position"))

    def in_(self, node: exp.In, write: Write) -> exp.Expr | None:
        """`x IN ()`: never, not even for NULL."""
        full = node.expressions or node.args.get("query") or node.args.get("field")
        return None if full else exp.false()

    def glob(self, node: exp.Glob, write: Write) -> exp.Expr | None:
        """GLOB minds case, as GoogleSQL's LIKE does."""
        pattern = glob_as_like(node.expression)
        return None if pattern is None else exp.Like(this=write(node.this), expression=pattern)

    def escape(self, node: exp.Escape, write: Write) -> exp.Expr:
        """LIKE … ESCAPE: GoogleSQL's escape character is the backslash."""
        return self.like(node.this, write, escape_character(node))

    def like(self, node: exp.Like, write: Write, escape: str = "") -> exp.Expr:
        """SQLite's LIKE takes no notice of the case of ASCII letters: both sides are lowered."""
        value, pattern = write(node.this), write(node.expression)
        if self.binder.kind(node.this) in (INT, REAL):
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


def divided(binder: Binder, node: exp.Div, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """`/` of a dialect that divides integers to an integer. Raises UnsupportedSql where the types do not tell."""
    kinds = (binder.kind(node.this), binder.kind(node.expression))
    if kinds == (INT, INT):
        return exp.IntDiv(this=unbracketed(left), expression=unbracketed(right))
    if REAL in kinds:
        return exp.Div(this=left, expression=right, typed=False, safe=False)
    shown = exp.Div(this=left, expression=right, typed=True, safe=True).sql("sqlite")[:80]
    raise UnsupportedSql("a division whose operands may be integers or not", f"{shown}: write CAST or * 1.0")


def escape_character(node: exp.Escape) -> str:
    """The character of LIKE … ESCAPE. Raises UnsupportedSql unless it and the pattern are literals."""
    like, escape = node.this, node.expression
    plain = isinstance(like, exp.Like | exp.ILike) and is_text(like.expression) and is_text(escape)
    if not plain or len(escape.name) != 1:
        raise UnsupportedSql("LIKE … ESCAPE with anything but a literal pattern")
    character: str = escape.name
    return character
