"""Kinds of values, just enough to know integer from real division and text from numbers.

Declared types follow SQLite's affinity rules (https://sqlite.org/datatype3.html, section 3.1), except NUMERIC: such a
column may hold both integers and reals.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

INT, REAL, TEXT, DATE, UNKNOWN = "int", "real", "text", "date", ""


def declared_kind(declared: str) -> str:
    """Kind of a column by its declared type; UNKNOWN for NUMERIC, BLOB and the untyped."""
    upper = declared.upper()
    if "INT" in upper:
        return INT
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT", "STRING")):
        return TEXT
    if any(part in upper for part in ("REAL", "FLOA", "DOUB")):
        return REAL
    return DATE if upper == "DATE" else UNKNOWN


def kind_of(node: exp.Expr, leaf_kind: Callable[[exp.Expr], str]) -> str:
    """Kind of an expression's values; UNKNOWN where it is not known. `leaf_kind` knows columns and subqueries."""

    def go(part: exp.Expr) -> str:
        return kind_of(part, leaf_kind)

    match node:
        case exp.Column() | exp.Subquery():
            return leaf_kind(node)
        case exp.Literal():
            return TEXT if node.is_string else (INT if node.is_int else REAL)
        case exp.Paren() | exp.Neg() | exp.Max() | exp.Min() | exp.AnyValue() | exp.Abs() | exp.HavingMax():
            return go(node.this)
        case (
            exp.Count() | exp.CountIf() | exp.Length() | exp.IntDiv() | exp.StrPosition() | exp.RowNumber() | exp.Rank()
        ):
            return INT
        case exp.DenseRank() | exp.Ntile():
            return INT
        case exp.Avg() | exp.Round():
            return REAL
        case exp.Div():
            left, right = go(node.this), go(node.expression)
            if node.args.get("typed"):
                return INT if left == right == INT else REAL if REAL in (left, right) else UNKNOWN
            return REAL
        case exp.Sum():
            kind = go(node.this)
            return kind if kind in (INT, REAL) else UNKNOWN
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Mod():
            left, right = go(node.this), go(node.expression)
            return REAL if REAL in (left, right) else INT if left == right == INT else UNKNOWN
        case exp.Extract() | exp.DateDiff() | exp.UnixDate():
            return INT
        case exp.DateAdd() | exp.DateSub() | exp.DateTrunc() | exp.DateFromParts() | exp.LastDay() | exp.CurrentDate():
            return DATE
        case exp.Cast():
            return _cast_kind(node.to)
        case exp.Window():
            return go(node.this)
        case exp.Alias() | exp.Distinct():
            return go(node.this if isinstance(node, exp.Alias) else node.expressions[0])
        case exp.Case():
            branches = [i.args["true"] for i in node.args.get("ifs") or []] + [node.args.get("default")]
            return _common([go(b) for b in branches if b is not None and not isinstance(b, exp.Null)])
        case exp.If():
            parts = (node.args.get("true"), node.args.get("false"))
            return _common([go(b) for b in parts if b is not None and not isinstance(b, exp.Null)])
        case exp.Coalesce() | exp.Greatest() | exp.Least():
            return _common([go(e) for e in (node.this, *node.expressions) if not isinstance(e, exp.Null)])
        case exp.Nullif() | exp.Lag() | exp.Lead() | exp.FirstValue() | exp.LastValue() | exp.Filter():
            return go(node.this)
        case exp.Predicate() | exp.Boolean() | exp.Not() | exp.Connector():
            return INT
        case exp.Lower() | exp.Upper() | exp.Substring() | exp.DPipe() | exp.Concat() | exp.Trim() | exp.TimeToStr():
            return TEXT
        case _:
            return UNKNOWN


def _cast_kind(to: exp.DataType) -> str:
    if to.is_type(*exp.DataType.INTEGER_TYPES):
        return INT
    if to.is_type(*exp.DataType.REAL_TYPES):
        return REAL
    if to.is_type("date"):
        return DATE
    return TEXT if to.is_type(*exp.DataType.TEXT_TYPES) else UNKNOWN


def _common(kinds: list[str]) -> str:
    return kinds[0] if kinds and all(k == kinds[0] for k in kinds) else UNKNOWN
