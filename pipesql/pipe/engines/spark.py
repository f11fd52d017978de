"""Spark SQL."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import Rule, operand, rewrite


def _literal(node: exp.Expr) -> exp.Expr:
    """A literal like 1.5 is a FLOAT64 in GoogleSQL, a DECIMAL here unless it has an exponent."""
    if not node.is_string and not node.is_int and node.name.replace(".", "", 1).isdigit():
        node.set("this", f"{node.name}e0")
    return node


def _quotient(node: exp.Expr) -> exp.Expr:
    """DIV, which becomes an operator."""
    return exp.IntDiv(this=operand(node.this), expression=operand(node.expression))


RULES: dict[type[exp.Expr], Rule] = {exp.Literal: _literal, exp.IntDiv: _quotient}


def for_spark(tree: exp.Query) -> exp.Query:
    """The tree in Spark's terms, changed in place. Raises UnsupportedSql."""
    return rewrite(tree, RULES)
