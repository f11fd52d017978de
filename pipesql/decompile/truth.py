"""SQLite's booleans are the numbers 1 and 0, and any number is a condition; GoogleSQL keeps the two apart.

So a predicate that is counted, compared or passed on becomes `CAST(… AS INT64)`, a number that serves as a condition
`… <> 0` (https://sqlite.org/lang_expr.html#boolean_expressions). Only the whole query's own outputs stay booleans.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind import Binder
from pipesql.errors import UnsupportedSql
from pipesql.pipe.rebuild import unbracketed
from pipesql.pipe.types import INT, REAL

_TRUTHS = (exp.Predicate, exp.Not, exp.Connector, exp.Escape, exp.Boolean)
_CONDITIONS = (exp.Where, exp.Having, exp.Join, exp.Connector, exp.Not, exp.If)
_SIGNS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
#: Where a boolean may stand though it is no condition.
_ANY_VALUE = (exp.Ordered, exp.Group, exp.Order, exp.Count, exp.Distinct, exp.Window)


def count_truths(tree: exp.Expr) -> None:
    """Make predicates numbers where they are used as such, in place; for a query whose names are not bound yet.

    Raises UnsupportedSql for comparisons in a row that SQLite does not group as they were read.
    """
    for node in list(tree.find_all(*_TRUTHS)):
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


def compare_conditions(tree: exp.Expr, binder: Binder) -> None:
    """Write `… <> 0` where a number serves as a condition, in place; for a bound query."""
    for holder in tree.find_all(*_CONDITIONS):
        keys = ("on",) if isinstance(holder, exp.Join) else ("this", "expression")
        if isinstance(holder, exp.If) and isinstance(holder.parent, exp.Case) and holder.parent.this is not None:
            continue
        for key in keys:
            condition = holder.args.get(key)
            if not isinstance(condition, exp.Expr) or _is_truth(condition):
                continue
            if binder.kind(condition) in (INT, REAL):
                compared = exp.NEQ(this=condition.copy(), expression=exp.Literal.number(0))
                condition.replace(compared)
                _rebind(binder, condition, compared)


def _is_truth(node: exp.Expr) -> bool:
    return isinstance(unbracketed(node), _TRUTHS)


def _rebind(binder: Binder, old: exp.Expr, new: exp.Expr) -> None:
    """Let a join's condition be the new one."""
    for bound in binder.selects:
        bound.conditions[:] = [new if condition is old else condition for condition in bound.conditions]
