"""Classes of nodes that mean in every dialect what they mean in GoogleSQL."""

from __future__ import annotations

from sqlglot import exp

_SAME = """Add Sub Mul Neg Paren And Or Not NullSafeEQ NullSafeNEQ Is Case If Coalesce Nullif Literal Null Boolean
    DataType DataTypeParam Identifier Var Star Count Sum Avg CountIf Lower Upper Length Abs Ceil Floor Sign Sqrt
    Pow Exp Ln Replace Reverse StartsWith Exists Distinct HavingMax Window WindowSpec Order Ordered RowNumber
    Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue RespectNulls GroupConcat
    Stddev StddevSamp StddevPop Variance VariancePop LogicalAnd LogicalOr Grouping Tuple Year Month Day Trunc
    Rollup Cube GroupingSets"""
SAME: frozenset[type[exp.Expr]] = frozenset(getattr(exp, name) for name in _SAME.split())
_GOOGLES = """DateAdd DateSub DateDiff DateTrunc DateFromParts LastDay UnixDate TimeToStr StrToDate TsOrDsToDate
    WeekStart CurrentDate SafeDivide Log Chr Ascii Repeat Pad Initcap EndsWith ByteLength BitwiseAnd BitwiseOr
    BitwiseXor BitwiseNot BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg Corr"""
GOOGLES: frozenset[type[exp.Expr]] = frozenset(getattr(exp, name) for name in _GOOGLES.split())
"""Classes that GoogleSQL's own text may use besides."""
