"""`x NOT IN (…)`, `x NOT BETWEEN … AND …`, `x IS NOT NULL`: sqlglot writes `NOT x IN (…)`, which few people do."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.rebuild import rebuild


def natural(tree: exp.Expr, dialect: str) -> exp.Expr:
    """A copy for printing, in which NOT stands where a person writes it. It is no longer a tree to work on."""
    if tree.find(exp.Not) is None:
        return tree

    def replace(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Not):
            return None
        inner = node.this
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null) and not inner.args.get("negate"):
            return exp.Is(this=rebuild(inner.this, replace), expression=exp.Null(), negate=True)
        if isinstance(inner, exp.Between) or (isinstance(inner, exp.In) and not inner.args.get("unnest")):
            copy = rebuild(inner, replace)
            subject = natural(copy.this, dialect).sql(dialect=dialect, normalize_functions="upper", comments=False)
            copy.set("this", exp.Var(this=f"{subject} NOT"))
            return copy
        return None

    return rebuild(tree, replace)
