"""What the dialects mean by operators and functions, in GoogleSQL's words.

A rule turns a bound node into the pipe expression of the same meaning; `write` does so with its parts. A class of nodes
without a rule means the same everywhere (`SAME`). SQLite's functions that have no rule are passed through; in another
dialect, whatever has no rule and is not among those classes is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings
from pipesql.decompile.dialects.sqlite import SqliteRules
from pipesql.errors import SqlSyntaxError

Write = Callable[[exp.Expr], exp.Expr]
Rule = Callable[[Any, Write], exp.Expr | None]


@dataclass(frozen=True)
class Meaning:
    """The rules of a dialect by class of node; `same` are the classes that need none, or None for all."""

    rules: Mapping[type[exp.Expr], Rule]
    same: frozenset[type[exp.Expr]] | None = None

    def permits(self, node: exp.Expr) -> bool:
        """Whether a node without a rule may be written as it is."""
        return self.same is None or type(node) in self.same


def meaning_of(bindings: Bindings) -> Meaning:
    """The rules for the dialect of the bindings' query."""
    if bindings.semantics.dialect == "sqlite":
        return Meaning({exp.Window: _window, **SqliteRules(bindings).table()})
    from pipesql.decompile.dialects.strict import StrictRules

    rules = {exp.Window: _window, **StrictRules(bindings).table()}
    return Meaning(rules, SAME | GOOGLES if bindings.semantics.dialect == "bigquery" else SAME)


def _window(node: exp.Window, write: Write) -> None:
    """The names of a WINDOW clause have been written out; any other name means nothing."""
    if node.args.get("alias") is not None:
        raise SqlSyntaxError(f"no window {node.alias} in a WINDOW clause")


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
"""More classes, for text that is GoogleSQL already."""
