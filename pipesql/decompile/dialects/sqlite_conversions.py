"""What SQLite converts in silence, written out: for a bound query, in place, with the same rows in SQLite.

SQLite compares by affinity (https://sqlite.org/datatype3.html, section 4.2): a literal beside a TEXT column is
converted to text, beside an INTEGER or REAL column to a number if it looks like one. GoogleSQL refuses such a
comparison, so the literal is written as what SQLite would make of it, and a TEXT column beside a number's is read as
numbers (SAFE_CAST). AVG and SUM of a TEXT column read its values as numbers
(https://sqlite.org/lang_aggfunc.html#avg): that becomes a CAST. CAST of a real to an integer cuts the fraction off
(https://sqlite.org/lang_expr.html#castexpr): that becomes TRUNC. Any number is a condition: that becomes `… <> 0`
(https://sqlite.org/lang_expr.html#boolean_expressions).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings
from pipesql.decompile.prepare.sqlite import FOLDED, TRUTHS
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import INT, REAL, TEXT

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_TEXT, _NUMBER = "text", "number"
_LONGEST = 15
"""Digits that a REAL keeps exactly; longer numbers stay as they are written."""


def convert_values(tree: exp.Expr, bindings: Bindings) -> None:
    """Rewrite a bound query in place; it returns the same rows in SQLite."""

    def affinity(node: exp.Expr) -> str:
        return _affinity(node, bindings)

    for node in tree.find_all(*_COMPARISONS, exp.In, exp.Between, exp.Avg, exp.Sum, exp.Cast):
        match node:
            case exp.In():
                _convert(affinity(node.this), list(node.expressions))
            case exp.Between():
                _convert(affinity(node.this), [node.args["low"], node.args["high"]])
            case exp.Cast():
                if node.to.is_type(*exp.DataType.INTEGER_TYPES) and bindings.kind(node.this) == REAL:
                    node.set("this", exp.Trunc(this=node.this))  # GoogleSQL's CAST rounds
            case exp.Avg() | exp.Sum():
                _cast(node, affinity)
            case _:
                _convert(affinity(node.this), [node.expression])
                _convert(affinity(node.expression), [node.this])
                if isinstance(node, exp.EQ):
                    _meet(node, affinity)


def _affinity(node: exp.Expr, bindings: Bindings) -> str:
    """The affinity that a table's column gives to what it is compared with; empty for anything else."""
    declared = bindings.declared(node) if isinstance(node, exp.Column) else ""
    if not declared:
        return ""
    if "INT" in declared:
        return _NUMBER
    if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
        return _TEXT
    return _NUMBER if any(part in declared for part in ("REAL", "FLOA", "DOUB")) else ""


def _meet(node: exp.EQ, affinity: Callable[[exp.Expr], str]) -> None:
    """A TEXT column beside a number's: its values are read as numbers; a text that is not one equals nothing.

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


_CONDITIONS = (exp.Where, exp.Having, exp.Join, exp.Connector, exp.Not, exp.If)


def compare_conditions(tree: exp.Expr, bindings: Bindings) -> None:
    """Write `… <> 0` where a number serves as a condition, in place; for a bound query."""
    for holder in tree.find_all(*_CONDITIONS):
        keys = ("on",) if isinstance(holder, exp.Join) else ("this", "expression")
        if isinstance(holder, exp.If) and isinstance(holder.parent, exp.Case) and holder.parent.this is not None:
            continue
        for key in keys:
            condition = holder.args.get(key)
            if not isinstance(condition, exp.Expr) or _is_truth(condition):
                continue
            if bindings.kind(condition) in (INT, REAL):
                compared = exp.NEQ(this=condition.copy(), expression=exp.Literal.number(0))
                condition.replace(compared)
                _rebind(bindings, condition, compared)


def _is_truth(node: exp.Expr) -> bool:
    return isinstance(unbracketed(node), TRUTHS)


def _rebind(bindings: Bindings, old: exp.Expr, new: exp.Expr) -> None:
    """Put the new condition into the join that had the old one."""
    for bound in bindings.selects:
        bound.conditions[:] = [new if condition is old else condition for condition in bound.conditions]


def check_collations(tree: exp.Expr, bindings: Bindings) -> None:
    """Raise UnsupportedSql where NOCASE stood at a value that may not be a text: LOWER would make it one."""
    if not tree.meta.get(FOLDED):
        return
    for lower in tree.find_all(exp.Lower):
        if lower.meta.get(FOLDED) and bindings.kind(lower.this) != TEXT:
            raise UnsupportedSql("COLLATE NOCASE of a value that may not be a text", lower.this.name)
