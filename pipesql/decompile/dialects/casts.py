"""CAST in DuckDB, PostgreSQL and Spark against GoogleSQL's, which rounds halves away from zero and cuts no text."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import REAL

_TYPES = (exp.DataType.INTEGER_TYPES | exp.DataType.REAL_TYPES | exp.DataType.TEXT_TYPES) - {exp.DType.NAME} | {
    exp.DType.BOOLEAN,
    exp.DType.DATE,
    exp.DType.TIME,
    exp.DType.DATETIME,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ,
}
_WHOLE = (exp.Round, exp.Ceil, exp.Floor, exp.Trunc)


def cast_refused(node: exp.Cast, kind: str, dialect: str) -> str:
    """Why a CAST of values of this kind does not mean the same in GoogleSQL; nothing if it does."""
    to = node.to
    if dialect == "bigquery":
        return ""
    if to.this not in _TYPES:
        return "a CAST to a type that is not known,"
    if to.expressions and not (dialect == "duckdb" and to.is_type(*exp.DataType.TEXT_TYPES)):
        return "a CAST to a type with a length or a scale,"
    if kind != REAL:
        return ""
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return "a CAST of reals to text, whose digits each engine writes in its way,"
    whole = not to.is_type(*exp.DataType.INTEGER_TYPES) or isinstance(unbracketed(node.this), _WHOLE)
    return "" if whole or dialect == "spark" else "a CAST of reals to integers, which rounds halves to even,"


def cuts_off(node: exp.Cast, kind: str, dialect: str) -> bool:
    """Whether the CAST cuts the fraction of a real off, as Spark's does."""
    whole = isinstance(unbracketed(node.this), _WHOLE)
    return dialect == "spark" and kind == REAL and bool(node.to.is_type(*exp.DataType.INTEGER_TYPES)) and not whole
