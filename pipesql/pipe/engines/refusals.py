"""What several engines cannot say, each rule made for one of them."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import Rule, refused

_MISSING = frozenset({"IEEE_DIVIDE"})


def windows(engine: str, ignoring_nulls: bool = False) -> Rule:
    """Window functions without DISTINCT, and without IGNORE NULLS unless the engine has it."""

    def rule(node: exp.Expr) -> exp.Expr:
        function = node.this
        if isinstance(function, exp.IgnoreNulls) and not ignoring_nulls:
            raise refused("IGNORE NULLS", engine)
        if isinstance(function, exp.AggFunc) and isinstance(function.this, exp.Distinct):
            raise refused("DISTINCT in a window function", engine)
        return node

    return rule


def joined_texts(engine: str) -> Rule:
    """STRING_AGG without LIMIT."""

    def rule(node: exp.Expr) -> exp.Expr:
        if isinstance(node.this, exp.Limit):
            raise refused("STRING_AGG with LIMIT", engine)
        return node

    return rule


def functions(engine: str) -> Rule:
    """Functions that sqlglot passes on as they are, and no engine but Google's has."""

    def rule(node: exp.Expr) -> exp.Expr:
        name = node.name.upper()
        if name in _MISSING:
            raise refused(name, engine)
        return node

    return rule
