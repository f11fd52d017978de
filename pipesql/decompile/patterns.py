"""Patterns of LIKE and GLOB as GoogleSQL writes them: LIKE minds case, and the backslash escapes."""

from __future__ import annotations

from sqlglot import exp


def ascii_lower(text: str) -> str:
    """Lower case for A-Z only, as SQLite's LIKE and LOWER do."""
    return "".join(ch.lower() if "A" <= ch <= "Z" else ch for ch in text)


def backslashed(pattern: str, escape: str) -> str:
    """A LIKE pattern with `escape` as its escape character (if any) as one with the backslash."""
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
    """A GLOB pattern as a LIKE pattern, which minds case in GoogleSQL; None where it is computed or has brackets."""
    if not is_text(pattern) or "[" in pattern.name:
        return None
    meaning = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
    return exp.Literal.string("".join(meaning.get(ch, ch) for ch in pattern.name))


def is_text(node: exp.Expr) -> bool:
    """Whether the node is a text literal."""
    return isinstance(node, exp.Literal) and bool(node.is_string)
