"""Expressions as GoogleSQL text where sqlglot's own generator for BigQuery writes another tree.

Each entry of `WRITERS` takes the generator's usual writer of a node class and gives ours, which falls back on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.generator import Generator

from pipesql.errors import UnsupportedSql
from pipesql.pipe.printing.clauses import CLAUSE_WRITERS, Writer
from pipesql.pipe.query import nested
from pipesql.pipe.scan import UNEQUAL, WRITTEN, cast_type, noted


def _array(usual: Writer) -> Writer:
    """`ARRAY(query)` beside `[value, …]`."""

    def write(writer: Any, node: exp.Array) -> str:
        items = node.expressions
        if len(items) == 1 and nested(items[0]) is not None:
            return f"ARRAY({writer.sql(items[0])})"
        return usual(writer, node)

    return write


def _collate(_: Writer) -> Writer:
    """`x COLLATE 'und:ci'`."""
    return lambda writer, node: writer.binary(node, "COLLATE")


def _unequal(usual: Writer) -> Writer:
    """`!=` where it was written."""
    return lambda writer, node: writer.binary(node, "!=") if noted(node, UNEQUAL) else usual(writer, node)


def _cast(usual: Writer) -> Writer:
    """`DATE '…'` and `STRUCT<…>(…)` beside CAST, and the type's name and parameters as they are written."""

    def write(writer: Any, node: exp.Cast) -> str:
        value, written = node.this, cast_type(node)
        if written is not None:
            if written and not node.args.get("format"):
                node.set("to", exp.Var(this=written))
            return Generator.cast_sql(writer, node, safe_prefix="SAFE_" if isinstance(node, exp.TryCast) else None)
        if isinstance(value, exp.Literal) and noted(value, WRITTEN):
            return f"{writer.sql(node, 'to')} {writer.sql(value)}"
        if isinstance(value, exp.Struct) and node.to.expressions:
            return f"{writer.sql(node, 'to')}({', '.join(writer.sql(item) for item in value.expressions)})"
        return usual(writer, node)

    return write


def _position(usual: Writer) -> Writer:
    """STRPOS where it is written so, beside INSTR."""

    def write(writer: Any, node: exp.StrPosition) -> str:
        if str(node.meta.get("bigquery_name")).upper() != "STRPOS":
            return usual(writer, node)
        return f"STRPOS({writer.sql(node, 'this')}, {writer.sql(node, 'substr')})"

    return write


def _split(usual: Writer) -> Writer:
    """SPLIT of one argument, for which sqlglot makes the second: it has no place in the text."""

    def write(writer: Any, node: exp.Split) -> str:
        separator = node.expression
        made = isinstance(separator, exp.Literal) and separator.name == "," and "start" not in separator.meta
        written = "bigquery_name" in node.meta
        return f"SPLIT({writer.sql(node, 'this')})" if made and written else usual(writer, node)

    return write


def _now(usual: Writer) -> Writer:
    """CURRENT_DATE() beside CURRENT_DATE."""

    def write(writer: Any, node: exp.Func) -> str:
        text = usual(writer, node).removesuffix("()")
        return f"{text}()" if "bigquery_name" in node.meta and not text.endswith(")") else text

    return write


def _json(usual: Writer) -> Writer:
    """`JSON '…'` where it is written so."""

    def write(writer: Any, node: exp.ParseJSON) -> str:
        literal = isinstance(node.this, exp.Literal) and noted(node.this, WRITTEN)
        return f"JSON {writer.sql(node.this)}" if literal else usual(writer, node)

    return write


def _interval(usual: Writer) -> Writer:
    """`INTERVAL 3 DAY`: sqlglot makes the number a string."""

    def write(writer: Any, node: exp.Interval) -> str:
        amount = node.this
        if isinstance(amount, exp.Literal) and amount.is_string and amount.name.lstrip("-").isdigit():
            node.set("this", exp.Literal.number(amount.name))
        return usual(writer, node)

    return write


def _dot(usual: Writer) -> Writer:
    """A field; a number has none, though sqlglot reads `1 . x`."""

    def write(writer: Any, node: exp.Dot) -> str:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            raise UnsupportedSql("a field of a number")
        return usual(writer, node)

    return write


def _null(usual: Writer) -> Writer:
    """`IS UNKNOWN`."""
    return lambda writer, node: "UNKNOWN" if noted(node, WRITTEN) else usual(writer, node)


WRITERS: dict[type, Callable[[Writer], Writer]] = {
    **CLAUSE_WRITERS,
    exp.Array: _array,
    exp.Cast: _cast,
    exp.Collate: _collate,
    exp.CurrentDate: _now,
    exp.CurrentDatetime: _now,
    exp.CurrentTime: _now,
    exp.CurrentTimestamp: _now,
    exp.Dot: _dot,
    exp.Interval: _interval,
    exp.NEQ: _unequal,
    exp.Null: _null,
    exp.ParseJSON: _json,
    exp.Split: _split,
    exp.StrPosition: _position,
    exp.TryCast: _cast,
}
