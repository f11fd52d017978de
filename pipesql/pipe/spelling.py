"""What sqlglot's tree forgets of a text, noted so that printing gives Google's parser the same tree.

sqlglot carries the comments of a token to the node that it makes of it. A note is such a comment, put there before
sqlglot reads the tokens; it starts with a character that no text holds. Only printing pipe text looks at notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe.scan import closing

_NOTE = "\ufffe"
UNEQUAL = _NOTE + "!="
"""On `a != b`: sqlglot reads the same as from `a <> b`."""
JOIN = _NOTE + "JOIN"
"""On a join that says JOIN: without it, one that has no condition was a comma."""
WRITTEN = _NOTE + "written"
"""On TRUE behind ON, the literal of `DATE '…'`, UNKNOWN, NULLS FIRST or LAST: sqlglot makes the same of what is not."""
PREFIX = _NOTE + "NOT"
"""With a number, on what follows so many NOT in front: sqlglot has one tree for `NOT x IN (…)` and `x NOT IN (…)`."""
MATCHING = _NOTE + "by "
"""On a set operation, before its CORRESPONDING, of which sqlglot makes BY NAME."""
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
    """The other name that a cast's type was written with, empty if none is noted; None for what is no written cast."""
    return next((c.removeprefix(CAST) for c in _notes(node) if c.startswith(CAST)), None)
