"""SQLite's predicates and collations in GoogleSQL's terms, as far as that needs no names.

SQLite's booleans are the numbers 1 and 0; GoogleSQL keeps the two apart. So a predicate that is counted, compared or
passed on becomes `CAST(… AS INT64)`. Only the whole query's own outputs stay booleans.

COLLATE NOCASE compares as if the letters A-Z were small (https://sqlite.org/datatype3.html, section 7). A comparison, a
sort key or a GROUP BY key with it says LOWER instead, which in SQLite changes the same letters. Where the collation
would reach further (a column of a derived table keeps it), it is refused.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.semantics import Semantics
from pipesql.errors import UnsupportedSql

TRUTHS = (exp.Predicate, exp.Not, exp.Connector, exp.Escape, exp.Boolean)
_SIGNS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
#: Where a boolean may stand although it is not a condition.
_ANY_VALUE = (exp.Ordered, exp.Group, exp.Order, exp.Count, exp.Distinct, exp.Window)
FOLDED = "pipesql.nocase"
"""On a tree in which COLLATE NOCASE stood, and on each LOWER that stands for it."""


def count_truths(tree: exp.Expr) -> None:
    """Make predicates numbers where they are used as such, in place; for a query whose names are not bound yet.

    Raises UnsupportedSql for comparisons in a row that SQLite does not group as they were read.
    """
    for node in list(tree.find_all(*TRUTHS)):
        if isinstance(node, exp.Predicate) and isinstance(node.parent, exp.Predicate):
            _require_brackets(node, node.parent)
        outer = node
        while isinstance(outer.parent, exp.Paren):
            outer = outer.parent
        if not _is_number(outer, tree):
            continue
        if isinstance(node, exp.Boolean):
            outer.replace(exp.Literal.number(int(node.this)))
        else:
            cast = exp.Cast(to=exp.DataType.build("BIGINT"))
            outer.replace(cast)
            cast.set("this", node)


def _require_brackets(node: exp.Expr, parent: exp.Expr) -> None:
    """Refuse comparisons in a row where sqlglot groups them otherwise than SQLite, in which IN, IS, LIKE and BETWEEN
    bind like `=` and less than `<` (https://sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes)."""
    alike = isinstance(node, _SIGNS) == isinstance(parent, _SIGNS) or isinstance(parent, exp.EQ | exp.NEQ)
    if not isinstance(node, exp.Exists) and not (alike and node.arg_key == "this"):
        raise UnsupportedSql("comparisons in a row without brackets", parent.sql("sqlite")[:80])


def _is_number(node: exp.Expr, tree: exp.Expr) -> bool:
    """Whether what stands around the predicate takes it as a number."""
    parent = node.parent
    if isinstance(parent, exp.Alias):
        return parent.parent is not tree
    match parent:
        case None | exp.Where() | exp.Having() | exp.Join() | exp.Not() | exp.Connector() | exp.Escape():
            return False
        case exp.Select():
            return parent is not tree
        case exp.If():
            case_of = isinstance(parent.parent, exp.Case) and parent.parent.this is not None
            return node.arg_key != "this" or case_of
        case exp.Is():
            return not (isinstance(node, exp.Boolean) or isinstance(parent.expression, exp.Boolean))
        case _:
            return not isinstance(parent, _ANY_VALUE)


def fold_case(node: exp.Collate, tree: exp.Expr, semantics: Semantics) -> None:
    """Replace one COLLATE, in place. Raises UnsupportedSql."""
    named = node.expression.name.upper()
    if not semantics.texts_in_double_quotes or named not in ("NOCASE", "BINARY"):
        raise UnsupportedSql("COLLATE", f"{node.expression.name}: only NOCASE and BINARY in comparisons and sorting")
    top: exp.Expr = node
    while isinstance(top.parent, exp.Paren):
        top = top.parent
    compared = _compared(top)
    if compared is None:
        raise UnsupportedSql("COLLATE", "only in comparisons, ORDER BY and GROUP BY")
    for value in compared:
        if not _is_folded(value):
            parent, key, index = value.parent, value.arg_key, value.index
            plain = value.this if isinstance(value, exp.Collate) else value
            assert parent is not None and key is not None
            parent.set(key, plain if named == "BINARY" else _lowered(plain), index)
    tree.meta[FOLDED] = True


def _is_folded(node: exp.Expr) -> bool:
    """Whether NOCASE stood here."""
    return isinstance(node, exp.Lower) and bool(node.meta.get(FOLDED))


def _compared(top: exp.Expr) -> list[exp.Expr] | None:
    """All values that the collation at `top` applies to, or None where it may reach further."""
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
    lower.meta[FOLDED] = True
    return lower
