"""Arrays, which only some engines have: a literal one beside IN is the list that it is."""

from __future__ import annotations

from sqlglot import exp


def replace_listed(tree: exp.Query) -> None:
    """`x IN UNNEST([…])` of a literal array becomes IN a list, in place."""
    for node in list(tree.find_all(exp.In)):
        unnest = node.args.get("unnest")
        array = unnest.expressions[0] if unnest is not None else None
        if isinstance(array, exp.Array) and array.expressions and not array.find(exp.Query):
            node.replace(exp.In(this=node.this, expressions=array.expressions))
