"""The grammar of a query in brackets: the names that each of its operators may use, as far as a grammar can tell.

A grammar cannot follow how the scope of a nested query grows. Three sets of names stand for it: those of the table in
its FROM until a JOIN comes; then those of all tables; and any name at all once one of its operators has named a column
itself. Name resolution finds the errors that this lets through, when the operator is whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipesql.decoding.grammar.expressions import any_of, expressions, literal
from pipesql.decoding.grammar.names import all_columns, columns_of, spelt
from pipesql.pipe.schema import Schema

LARGEST = 40
"""In a schema of more tables than this, nested queries may name the columns of all tables from the start."""


def queries(schema: Schema, outer: Sequence[str], ctes: Sequence[str] = ()) -> str:
    """Rules `query` (a query without its brackets), `source` (what FROM and JOIN read) and `set_operation`.

    `outer` are the names of the query around, which a nested query may use; `ctes` the names of a WITH before it.
    """
    tables = list(schema)
    known = tables if len(tables) <= LARGEST else []
    around = f" | {any_of(outer)}" if outer else ""
    rules = [
        f"table: {any_of(spelt(name) for name in (*(t.name for t in tables), *ctes))}",
        'source: table | "(" query ")"',
        f"column: {any_of(all_columns(schema))}",
        f'name_j: column | NAME "." column{around}',
        'name_f: NAME ("." NAME)?',
        expressions("j", "query"),
        expressions("f", "query", windows=True),
        *_continued("j", "f"),
        *_continued("f", "f"),
        'join: "CROSS JOIN " source (" AS " NAME)? | ("JOIN " | "LEFT JOIN " | "RIGHT JOIN " | "FULL JOIN ") source'
        ' (" AS " NAME)? " ON " (cond_j | cond_f)',
        "set_operation: (" + any_of(f"{kind} {how} (" for kind in KINDS for how in ("DISTINCT", "ALL")) + ') query ")"',
        'limit: "LIMIT " COUNT (" OFFSET " COUNT)?',
    ]
    starts = ['"FROM (" query ")" (" AS " NAME rest_j | rest_f)']
    for number, table in enumerate(known):
        own = f"t{number}"
        rules += [f"name_{own}: {any_of(columns_of(table))}{around}", expressions(own, "query"), *_continued(own, "j")]
        starts.append(f'"FROM " {literal(spelt(table.name))} (" AS " NAME rest_j | rest_{own})')
    starts += [f'"FROM " {literal(spelt(name))} (" AS " NAME)? rest_f' for name in ctes]
    if not known:
        starts.append('"FROM " table (" AS " NAME)? rest_j')
    return "\n".join([f"query: {' | '.join(starts)}", *rules])


KINDS = ("UNION", "INTERSECT", "EXCEPT")


def _continued(own: str, joined: str) -> list[str]:
    """Rule `rest_…`: the operators that may follow while the names are those of `own`."""
    items = f'sum_{own} (", " sum_{own})*'
    free_item = f'cond_{own} (" AS " NAME)?'
    aggregated = f'agg_{own} (" AS " NAME)?'
    return [
        f'rest_{own}: (" |> " keeps_{own})* (" |> " join rest_{joined} | " |> " renames_{own} rest_f)?',
        f'keeps_{own}: "WHERE " cond_{own} | "ORDER BY " order_{own} (", " order_{own})* | limit | "DISTINCT"'
        f' | "SELECT " "DISTINCT "? {items} | set_operation | "AS " NAME',
        f'renames_{own}: ("SELECT " "DISTINCT "? | "EXTEND ") {free_item} (", " {free_item})*'
        f' | "AGGREGATE " ("GROUP BY " | {aggregated} (", " {aggregated})* " GROUP BY ")'
        f' {free_item} (", " {free_item})*'
        f' | "AGGREGATE " {aggregated} (", " {aggregated})*',
    ]
