"""TABLESAMPLE: where an engine samples a table or a query in its own words; elsewhere it is refused."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.frame import Frame
from pipesql.pipe.scope import Scope

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
    number = frame.resolved.numbers[frame.number]
    return UnsupportedSql(f"the operator TABLESAMPLE in {frame.dialect or 'standard SQL'}", f"operator {number}: {why}")
