"""Texts in SQLite, whose LIKE ignores the case of A–Z and has no escape character unless one is named."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared.rules import Rule, call, number, operand, refused, refusing
from pipesql.pipe.engines.shared.texts import escaped, substring_start
from pipesql.pipe.expressions import integer

_ENGINE = "SQLite"
_WILDCARDS = {"%": "*", "_": "?"}
_BRACKETED = {"*": "[*]", "?": "[?]", "[": "[[]"}


def _like(node: exp.Expr) -> exp.Expr:
    """LIKE that distinguishes case: LOWER(x) LIKE 'lower' stays, a literal pattern with letters becomes GLOB."""
    pattern, value = node.expression, node.this
    if isinstance(pattern, exp.Literal) and pattern.is_string:
        characters = pattern.name
        upper = any("A" <= ch <= "Z" for ch in characters)
        lower = any("a" <= ch <= "z" for ch in characters)
        folded = (isinstance(value, exp.Lower) and not upper) or (isinstance(value, exp.Upper) and not lower)
        if folded or not (upper or lower):
            return escaped(node) if "\\" in characters else node
        glob = exp.Glob(this=value, expression=exp.Literal.string(_glob(characters)))
        return exp.Not(this=glob) if node.args.get("negate") else glob
    if isinstance(value, exp.Lower) and isinstance(pattern, exp.Lower):
        return escaped(node) if not isinstance(node.parent, exp.Escape) else node
    raise refused("LIKE with a computed pattern", _ENGINE, "compare LOWER(…) LIKE LOWER(…)")


def _glob(pattern: str) -> str:
    """A LIKE pattern, in which a backslash makes the next character literal, as a GLOB pattern."""
    out = []
    characters = iter(pattern)
    for ch in characters:
        if ch == "\\":
            ch = next(characters, "")
            out.append(_BRACKETED.get(ch, ch))
        else:
            out.append(_WILDCARDS.get(ch) or _BRACKETED.get(ch, ch))
    return "".join(out)


def _part(node: exp.Expr) -> exp.Expr:
    """SUBSTR: the place 0 is the first character, and so is one before the first."""
    start, length = node.args["start"], node.args.get("length")
    if length is not None:
        node.set("start", substring_start(node.this, start))
    return node


def _left(node: exp.Expr) -> exp.Expr:
    return exp.Substring(this=node.this, start=number(1), length=node.expression)


def _right(node: exp.Expr) -> exp.Expr:
    count = integer(node.expression)
    if count is None or count <= 0:
        raise refused("RIGHT with a computed length", _ENGINE)
    return exp.Substring(this=node.this, start=number(-count))


def _starts(node: exp.Expr) -> exp.Expr:
    part = exp.Substring(this=node.this, start=number(1), length=exp.Length(this=node.expression.copy()))
    return exp.EQ(this=part, expression=operand(node.expression))


def _ends(node: exp.Expr) -> exp.Expr:
    suffix = node.expression
    if not (isinstance(suffix, exp.Literal) and suffix.name):
        raise refused("ENDS_WITH a computed text", _ENGINE)
    return exp.EQ(this=exp.Substring(this=node.this, start=number(-len(suffix.name))), expression=suffix)


def _repeated(node: exp.Expr) -> exp.Expr:
    zeros = call("HEX", call("ZEROBLOB", node.args["times"]))
    return exp.Replace(this=zeros, expression=exp.Literal.string("00"), replacement=node.this)


def _bytes(node: exp.Expr) -> exp.Expr:
    return exp.Length(this=exp.Cast(this=node.this, to=exp.DataType.build("BLOB", dialect="sqlite")))


def _trimmed(node: exp.Expr) -> exp.Expr:
    """TRIM removes all white space unless it names the characters; SQLite's removes spaces alone."""
    if node.args.get("expression") is None:
        node.set("expression", call("CHAR", *(number(n) for n in (9, 10, 11, 12, 13, 32))))
    elif node.expression.is_string and node.expression.name == " ":
        node.set("expression", None)
    return node


def _joined(node: exp.Expr) -> exp.Expr:
    """STRING_AGG: SQLite before 3.44 aggregates in no order, and takes no separator beside DISTINCT."""
    inner, separator = node.this, node.args.get("separator")
    if isinstance(inner, exp.Order | exp.Limit):
        raise refused("STRING_AGG with ORDER BY or LIMIT", _ENGINE, "it aggregates in any order")
    if isinstance(inner, exp.Distinct) and separator is not None:
        if separator.name != ",":
            raise refused("STRING_AGG(DISTINCT …) with a separator", _ENGINE)
        node.set("separator", None)
    return node


RULES: dict[type[exp.Expr], Rule] = {
    exp.Like: _like,
    exp.Substring: _part,
    exp.Left: _left,
    exp.Right: _right,
    exp.StartsWith: _starts,
    exp.EndsWith: _ends,
    exp.Repeat: _repeated,
    exp.ByteLength: _bytes,
    exp.GroupConcat: _joined,
    exp.Trim: _trimmed,
    **refusing(
        _ENGINE,
        {
            exp.Ascii: "ASCII",
            exp.Initcap: "INITCAP",
            exp.Pad: "LPAD and RPAD",
            exp.RegexpExtract: "REGEXP_EXTRACT",
            exp.RegexpLike: "REGEXP_CONTAINS",
            exp.RegexpReplace: "REGEXP_REPLACE",
            exp.Reverse: "REVERSE",
            exp.Split: "SPLIT",
        },
    ),
}
