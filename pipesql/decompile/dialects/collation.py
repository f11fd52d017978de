"""COLLATE of SQLite: NOCASE compares as if the letters A-Z were small (https://sqlite.org/datatype3.html, section 7).

A comparison, a sort key or a GROUP BY key with it says LOWER instead, which in SQLite changes the same letters. Where
the collation would reach further (a column of a derived table keeps it), it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.habits import Habits
from pipesql.errors import UnsupportedSql
from pipesql.pipe.types import TEXT

if TYPE_CHECKING:
    from pipesql.decompile.bind.binder import Binder

_FOLDED = "pipesql.nocase"


def fold(node: exp.Collate, tree: exp.Expr, habits: Habits) -> None:
    """Replace one COLLATE, in place. Raises UnsupportedSql."""
    named = node.expression.name.upper()
    if not habits.texts_in_double_quotes or named not in ("NOCASE", "BINARY"):
        raise UnsupportedSql("COLLATE", f"{node.expression.name}: only NOCASE and BINARY in comparisons and sorting")
    top: exp.Expr = node
    while isinstance(top.parent, exp.Paren):
        top = top.parent
    compared = _compared(top)
    if compared is None:
        raise UnsupportedSql("COLLATE", "only in comparisons, ORDER BY and GROUP BY")
    for value in compared:
        if not is_folded(value):
            parent, key, index = value.parent, value.arg_key, value.index
            plain = value.this if isinstance(value, exp.Collate) else value
            assert parent is not None and key is not None
            parent.set(key, plain if named == "BINARY" else _lowered(plain), index)
    tree.meta[_FOLDED] = True


def check(tree: exp.Expr, binder: Binder) -> None:
    """Raise UnsupportedSql where NOCASE stood at what may be no text: LOWER would make one of it."""
    if not tree.meta.get(_FOLDED):
        return
    for lower in tree.find_all(exp.Lower):
        if lower.meta.get(_FOLDED) and binder.kind(lower.this) != TEXT:
            raise UnsupportedSql("COLLATE NOCASE of what may be no text", lower.this.name)


def is_folded(node: exp.Expr) -> bool:
    """Whether NOCASE stood here."""
    return isinstance(node, exp.Lower) and bool(node.meta.get(_FOLDED))


def _compared(top: exp.Expr) -> list[exp.Expr] | None:
    """All that the collation at `top` governs, or None where it is not known to end."""
    parent = top.parent
    match parent:
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            return [parent.this, parent.expression]
        case exp.In() if top.arg_key == "this" and parent.expressions:
            return [parent.this, *parent.expressions]
        case exp.Between() if top.arg_key == "this":
            return [parent.this, parent.args["low"], parent.args["high"]]
        case exp.Ordered() | exp.Group():
            return [top]
    return None


def _lowered(value: exp.Expr) -> exp.Expr:
    if isinstance(value, exp.Literal) and value.is_string:
        return exp.Literal.string("".join(ch.lower() if "A" <= ch <= "Z" else ch for ch in value.name))
    lower = exp.Lower(this=value)
    lower.meta[_FOLDED] = True
    return lower
