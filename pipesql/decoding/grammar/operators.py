"""The grammar of the next operator of a query, from the names that are visible after the operators before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pipesql.decoding.grammar.expressions import any_of, expressions, words
from pipesql.decoding.grammar.names import qualified, spelt, visible
from pipesql.decoding.grammar.queries import queries
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope

ON = " ON"
"""A JOIN whose text ends in this is followed by its condition, over the names of both tables (`condition`)."""


def first(schema: Schema) -> str:
    """The grammar of a query's first operator, a WITH before it included.

    The queries of a WITH may read one another, so any name may stand in their FROM.
    """
    rules = [
        'cte: NAME " AS (" (query | reads rest_f) ")"',
        'reads: "FROM " NAME (" AS " NAME)?',
    ]
    start = '"FROM " source (" AS " NAME)? | "WITH " "RECURSIVE "? cte (", " cte)* " " reads'
    return _grammar(start, *rules, _nested(schema, (), ()))


def following(schema: Schema, scope: Scope, start: str = "|> ", ctes: Sequence[str] = ()) -> str:
    """The grammar of an operator after others that leave the scope `scope`; its text begins with `start`.

    `ctes` are the names of the query's WITH. The grammar of a JOIN with a condition ends at `ON`.
    """
    names = visible(scope)
    item, aggregated = 'cond_s (" AS " NAME)?', 'agg_s (" AS " NAME)?'
    plain = any_of(dict.fromkeys(spelt(c.name) for c in scope.columns if c.name))
    stars = any_of(["*", *(f"{spelt(v.name)}.*" for v in scope.variables.values())])
    taken = scope.variables.keys()
    tables = (*(t.name for t in schema), *ctes)
    fresh = any_of(spelt(name) for name in tables if name.lower() not in taken)
    joined = '(fresh (" AS " NAME)? | source " AS " NAME)'
    operators = [
        '"SELECT " "DISTINCT "? selected (", " selected)*',
        f'"EXTEND " {item} (", " {item})*',
        '"WHERE " cond_s',
        f'"AGGREGATE " ("GROUP BY " | {aggregated} (", " {aggregated})* " GROUP BY ") {item} (", " {item})*',
        f'"AGGREGATE " {aggregated} (", " {aggregated})*',
        '"ORDER BY " order_s (", " order_s)*',
        'limit | "DISTINCT" | set_operation | "AS " NAME',
        '"DROP " plain (", " plain)* | "RENAME " plain " AS " NAME (", " plain " AS " NAME)*',
        '"SET " plain " = " cond_s (", " plain " = " cond_s)*',
        f'"CROSS JOIN " {joined}',
        f'("JOIN " | "LEFT JOIN " | "RIGHT JOIN " | "FULL JOIN " | "INNER JOIN ") {joined} " ON"',
    ]
    rules = [
        "operator: " + "\n    | ".join(operators),
        f"selected: {item} | {stars}",
        f"plain: {plain}",
        f'fresh: {fresh} | "(" query ")"',
        f"name_s: {any_of(names)}",
        expressions("s", "query", windows=True),
        _nested(schema, tuple(qualified(scope)), tuple(ctes)),
    ]
    return _grammar(f"{any_of([start])} operator", *rules)


def condition(schema: Schema, scope: Scope, ctes: Sequence[str] = ()) -> str:
    """The grammar of the condition after `ON`; `scope` has the names of both tables."""
    nested = _nested(schema, tuple(qualified(scope)), tuple(ctes))
    rules = [f"name_s: {any_of(visible(scope))}", expressions("s", "query"), nested]
    return _grammar('" " cond_s', *rules)


@lru_cache(maxsize=256)
def _nested(schema: Schema, outer: tuple[str, ...], ctes: tuple[str, ...]) -> str:
    return queries(schema, outer, ctes)


def _grammar(start: str, *rules: str) -> str:
    return "\n".join([f"start: {start}", words(), *rules])
