"""SQLite: its rules by subject (`numbers`, `texts`, `dates`, `aggregates`), and what it does not have."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared import rules
from pipesql.pipe.engines.shared.rules import Rule, refusing, rewrite
from pipesql.pipe.engines.shared.texts import replace_listed
from pipesql.pipe.engines.sqlite import aggregates, dates, numbers, texts

_MISSING: dict[type[exp.Expr], str] = {
    exp.Any: "LIKE ANY and its like",
    exp.ApproxQuantiles: "APPROX_QUANTILES",
    exp.Array: "an array",
    exp.Bracket: "an element of an array",
    exp.Collate: "COLLATE",
    exp.DatetimeAdd: "DATETIME_ADD",
    exp.DatetimeDiff: "DATETIME_DIFF",
    exp.DatetimeSub: "DATETIME_SUB",
    exp.DatetimeTrunc: "DATETIME_TRUNC",
    exp.GenerateSeries: "GENERATE_ARRAY",
    exp.IsNan: "IS_NAN",
    exp.MD5Digest: "MD5",
    exp.PercentileCont: "PERCENTILE_CONT",
    exp.PercentileDisc: "PERCENTILE_DISC",
    exp.Struct: "a STRUCT",
    exp.Timestamp: "TIMESTAMP",
    exp.TimestampAdd: "TIMESTAMP_ADD",
    exp.TimestampDiff: "TIMESTAMP_DIFF",
    exp.TimestampSub: "TIMESTAMP_SUB",
    exp.TimestampTrunc: "TIMESTAMP_TRUNC",
    exp.Translate: "TRANSLATE",
    exp.Unnest: "UNNEST",
    exp.Uuid: "GENERATE_UUID",
}

RULES: dict[type[exp.Expr], Rule] = {
    **numbers.RULES,
    **numbers.AFFINITY_RULES,
    **texts.RULES,
    **dates.RULES,
    **aggregates.RULES,
    **refusing("SQLite", _MISSING),
    exp.Anonymous: rules.functions("SQLite"),
}


def for_sqlite(tree: exp.Query) -> exp.Query:
    """The tree in SQLite's terms, changed in place. Raises UnsupportedSql."""
    aggregates.replace_any_value(tree)
    replace_listed(tree)
    return rewrite(tree, RULES)
