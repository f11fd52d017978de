"""ASSERT and TABLESAMPLE, which some engines alone can do.

ASSERT becomes a condition of WHERE that is true or ends the query with an error. TABLESAMPLE samples a table, or
a query where the engine can.
"""

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
        raise UnsupportedSql(f"the operator ASSERT in {frame.dialect}", "no expression there raises an error")
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


_METHODS: dict[str, dict[str, frozenset[str]]] = {
    "duckdb": {
        "BERNOULLI": frozenset({"PERCENT"}),
        "SYSTEM": frozenset({"PERCENT"}),
        "RESERVOIR": frozenset({"PERCENT", "ROWS"}),
    },
    "postgres": {"BERNOULLI": frozenset({"PERCENT"}), "SYSTEM": frozenset({"PERCENT"})},
    "bigquery": {"SYSTEM": frozenset({"PERCENT"})},
    "spark": {"BERNOULLI": frozenset({"PERCENT"})},
}
_QUERIES = frozenset({"duckdb", "spark"})
"""Engines that sample the rows of a query, not of a table alone."""


def sample(frame: Frame, operator: op.TableSample, before: Scope) -> None:
    """Sample the rows so far. Raises UnsupportedSql where the engine has no such method."""
    if operator.unit not in _METHODS.get(frame.dialect, {}).get(operator.method, ()):
        raise _refused(frame, f"{operator.method} … {operator.unit} is not known there")
    if operator.seed is not None and frame.dialect not in ("duckdb", "postgres"):
        raise _refused(frame, "REPEATABLE is not known there")
    level = frame.level
    sampled = level.source is None or bool(level.source.args.get("sample"))
    if level.joins or level.where or not level.plain or level.windowed or sampled:
        frame.wrap(before)
    source = frame.level.source
    assert source is not None
    if frame.dialect not in _QUERIES and not isinstance(source, exp.Table):
        raise _refused(frame, "only a table can be sampled there: put it right behind FROM")
    size = {"percent" if operator.unit == "PERCENT" else "size": operator.size.copy()}
    seed = operator.seed.copy() if operator.seed is not None else None
    source.set("sample", exp.TableSample(method=exp.Var(this=operator.method), seed=seed, **size))
    frame.level.order.clear()


def _refused(frame: Frame, why: str) -> UnsupportedSql:
    return UnsupportedSql(f"the operator TABLESAMPLE in {frame.dialect or 'standard SQL'}", why)
