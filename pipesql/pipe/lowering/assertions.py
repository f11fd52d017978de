"""ASSERT: a condition in WHERE that is true or ends the query with an error, where an engine can raise one."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.lowering.level import all_of
from pipesql.pipe.scope import Scope

_RAISING = {"": "ERROR", "bigquery": "ERROR", "duckdb": "ERROR", "spark": "RAISE_ERROR", "databricks": "RAISE_ERROR"}


def check(frame: Frame, operator: op.Assert, before: Scope) -> None:
    """Raise the message for a row for which the condition is not true. The rows and their order stay."""
    function = _RAISING.get(frame.dialect)
    if function is None:
        number = frame.resolved.numbers[frame.number]
        why = f"operator {number}: no expression there raises an error"
        raise UnsupportedSql(f"the operator ASSERT in {frame.dialect}", why)
    level = frame.level
    groups_all = level.grouped and not level.keys
    below = groups_all or level.source is None or frame.names_any(level.windowed) or frame.lends_computed()
    if level.distinct or level.closed or below:
        frame.wrap(before, ordered=True)
    level = frame.level
    failed = exp.Anonymous(this=function, expressions=[_message(frame, operator)])
    value = exp.Case(ifs=[exp.If(this=frame.expression(operator.condition), true=exp.true())], default=failed)
    conditions = level.having if level.grouped else level.where
    if conditions:  # rows that have been filtered out are not asserted of, whatever an engine computes first
        value = exp.Case(ifs=[exp.If(this=all_of(conditions), true=value)], default=exp.false())
    conditions[:] = [value]


def _message(frame: Frame, operator: op.Assert) -> exp.Expr:
    """`Assert failed:` and the parts, with spaces between; NULL is spelt out."""
    if not operator.messages:
        return exp.Literal.string(f"Assert failed: {operator.condition.sql('bigquery', comments=False)}")
    out: exp.Expr = exp.Literal.string("Assert failed:")
    for part in operator.messages:
        if isinstance(out, exp.Literal) and isinstance(part, exp.Literal):
            out = exp.Literal.string(f"{out.name} {part.name}")
            continue
        text = exp.Cast(this=frame.expression(part), to=exp.DataType.build("TEXT"))
        shown = exp.Coalesce(this=text, expressions=[exp.Literal.string("NULL")])
        last = out.expression if isinstance(out, exp.DPipe) else out
        if isinstance(last, exp.Literal):
            last.set("this", f"{last.name} ")
        else:
            out = exp.DPipe(this=out, expression=exp.Literal.string(" "))
        out = exp.DPipe(this=out, expression=exp.Literal.string(part.name) if isinstance(part, exp.Literal) else shown)
    return out
