"""What SQLite converts in silence, spelt out: literals take the type of the column that they are compared with.

SQLite compares by affinity (https://sqlite.org/datatype3.html, section 4.2): a literal beside a TEXT column is
converted to text, beside an INTEGER or REAL column to a number if it looks like one. GoogleSQL refuses such a
comparison, so the literal is written as what SQLite would make of it, and a TEXT column beside a number's is read as
numbers (SAFE_CAST). AVG and SUM of a TEXT column read its values as
numbers (https://sqlite.org/lang_aggfunc.html#avg): that becomes a CAST. CAST of a real to an integer cuts the fraction
off (https://sqlite.org/lang_expr.html#castexpr): that becomes TRUNC.

SQLite's booleans are the numbers 1 and 0, and any number is a condition; GoogleSQL keeps the two apart.

So a predicate that is counted, compared or passed on becomes `CAST(… AS INT64)`, a number that serves as a condition
`… <> 0` (https://sqlite.org/lang_expr.html#boolean_expressions). Only the whole query's own outputs stay booleans.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.decompile.bind.binder import Binder
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import INT, REAL

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_TEXT, _NUMBER = "text", "number"
_LONGEST = 15
"""Digits that a REAL keeps exactly; longer numbers stay as they are written."""


def spell_out(tree: exp.Expr, binder: Binder) -> None:
    """Rewrite a bound query in place; it returns the same rows in SQLite."""

    def affinity(node: exp.Expr) -> str:
        return _affinity(node, binder)

    for node in tree.find_all(*_COMPARISONS, exp.In, exp.Between, exp.Avg, exp.Sum, exp.Cast):
        match node:
            case exp.In():
                _convert(affinity(node.this), list(node.expressions))
            case exp.Between():
                _convert(affinity(node.this), [node.args["low"], node.args["high"]])
            case exp.Cast():
                if node.to.is_type(*exp.DataType.INTEGER_TYPES) and binder.kind(node.this) == REAL:
                    node.set("this", exp.Trunc(this=node.this))  # GoogleSQL's CAST rounds
            case exp.Avg() | exp.Sum():
                _cast(node, affinity)
            case _:
                _convert(affinity(node.this), [node.expression])
                _convert(affinity(node.expression), [node.this])
                if isinstance(node, exp.EQ):
                    _meet(node, affinity)


def _affinity(node: exp.Expr, binder: Binder) -> str:
    """The affinity that a table's column lends to what it is compared with; empty for all else."""
    declared = binder.declared(node) if isinstance(node, exp.Column) else ""
    if "INT" in declared:
        return _NUMBER
    if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
        return _TEXT
    return _NUMBER if any(part in declared for part in ("REAL", "FLOA", "DOUB")) else ""


def _meet(node: exp.EQ, affinity: Callable[[exp.Expr], str]) -> None:
    """A TEXT column beside a number's: its values are read as numbers, those that are none equal nothing.

    NULL stands for those, so that it holds only where a condition keeps or drops a row.
    """
    sides = {affinity(node.this): node.this, affinity(node.expression): node.expression}
    if sides.keys() == {_TEXT, _NUMBER} and _keeps_or_drops(node):
        written = sides[_TEXT]
        written.replace(exp.TryCast(this=written.copy(), to=exp.DataType.build("DOUBLE")))


def _keeps_or_drops(node: exp.Expr) -> bool:
    """Whether FALSE and NULL are the same for what stands above a comparison."""
    above = node.parent
    while isinstance(above, exp.And | exp.Or | exp.Paren):
        above = above.parent
    return isinstance(above, exp.Where | exp.Having | exp.Join)


def _convert(affinity: str, values: list[exp.Expr]) -> None:
    """Replace the literals among `values` by what the affinity makes of them."""
    for value in values:
        sign = "-" if isinstance(value, exp.Neg) else ""
        literal = value.this if sign else value
        if not isinstance(literal, exp.Literal):
            continue
        if affinity == _TEXT and not literal.is_string:
            text = _as_text(sign + literal.name)
            if text is not None:
                value.replace(exp.Literal.string(text))
        elif affinity == _NUMBER and literal.is_string and not sign:
            number = as_number(literal.name.strip(" "))
            if number is not None:
                value.replace(number)


def _as_text(number: str) -> str | None:
    """The text that SQLite makes of a number literal, where that is plain."""
    digits = number.removeprefix("-")
    if len(digits) > _LONGEST or not digits.isascii():
        return None
    if digits.isdigit():
        return str(int(number))
    whole, point, fraction = digits.partition(".")
    return repr(float(number)) if point and whole.isdigit() and fraction.isdigit() else None


def as_number(text: str) -> exp.Expr | None:
    """The number literal that a text looks like, or None where SQLite would leave it a text."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    whole, point, fraction = digits.partition(".")
    plain = whole.isdigit() and (fraction.isdigit() or not point) and digits.isascii() and len(digits) <= _LONGEST
    if not plain:
        return None
    literal = exp.Literal.number(f"{int(whole)}.{fraction}" if point else str(int(whole)))
    return exp.Neg(this=literal) if text[0] == "-" else literal


def _cast(node: exp.Expr, affinity: Callable[[exp.Expr], str]) -> None:
    """AVG or SUM of a TEXT column. Not of DISTINCT values: '7' and '007' are two texts, but one number."""
    if affinity(node.this) == _TEXT:
        node.set("this", exp.Cast(this=node.this.copy(), to=exp.DataType.build("DOUBLE")))


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
