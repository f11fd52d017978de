"""Plausible mistakes, made from a right query: what a model writes that does not know a schema well.

`misspelt`         a column's name with a letter missing or an additional `s`
`aggregated away`  a WHERE that should have come before the AGGREGATE, or a sort by a column that no longer exists
`unqualified`      a column that two joined tables have, without a table's name

A mistake counts only if the resolver refuses it; its message is what the conversation shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlglot import exp

from pipesql.errors import SqlError
from pipesql.pipe import operators as op
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import Walked, expressions, parts

KINDS = ("misspelt", "aggregated away", "unqualified")


def mistake(text: str, schema: Schema, draw: random.Random) -> tuple[str, str] | None:
    """(kind, text) of a wrong form of a pipe query, or None where none of the kinds can be made of it."""
    kinds = list(KINDS)
    draw.shuffle(kinds)
    for kind in kinds:
        found = [wrong for wrong in _MAKE[kind](text, schema) if wrong != text and _is_refused(wrong, schema)]
        if found:
            return kind, draw.choice(found)
    return None


def _is_refused(text: str, schema: Schema) -> bool:
    try:
        resolve(parse(text), schema)
    except SqlError:
        return True
    return False


def _misspelt(text: str, _schema: Schema) -> Iterator[str]:
    for place, column in enumerate(_columns(parse(text))):
        name = column.name
        for wrong in (name[: len(name) // 2] + name[len(name) // 2 + 1 :], f"{name}s"):
            if len(wrong) > 1:
                yield _changed(text, place, lambda c, wrong=wrong: c.set("this", identifier(wrong)))  # type: ignore[misc]


def _unqualified(text: str, _schema: Schema) -> Iterator[str]:
    for place, column in enumerate(_columns(parse(text))):
        if column.table:
            yield _changed(text, place, lambda c: c.set("table", None))


def _aggregated_away(text: str, schema: Schema) -> Iterator[str]:
    query = parse(text)
    scopes = resolve(query, schema)
    steps = query.operators
    for place, operator in enumerate(steps):
        if not isinstance(operator, op.Aggregate) or place == 0:
            continue
        if isinstance(steps[place - 1], op.Where):
            swapped = (*steps[: place - 1], operator, steps[place - 1], *steps[place + 1 :])
            yield print_query(replace(query, operators=swapped))
        left = {column.name.lower() for column in scopes[place].columns}
        for column in scopes[place - 1].columns:
            if column.name and column.name.lower() not in left:
                key = exp.Ordered(this=exp.Column(this=identifier(column.name)))
                sorted_by = (*steps[: place + 1], op.OrderBy((key,)), *steps[place + 1 :])
                yield print_query(replace(query, operators=sorted_by))


_MAKE: dict[str, Callable[[str, Schema], Iterator[str]]] = {
    "misspelt": _misspelt,
    "aggregated away": _aggregated_away,
    "unqualified": _unqualified,
}


def _changed(text: str, place: int, change: Callable[[exp.Column], object]) -> str:
    """The query with the column at `place` changed; read anew, so that nothing else is touched."""
    query = parse(text)
    change(list(_columns(query))[place])
    return print_query(query)


def _columns(query: PipeQuery) -> Iterator[exp.Column]:
    """The columns that the query itself names: not those of queries in expressions, nor of queries with a WITH."""

    def inside(part: Walked) -> Iterator[Walked]:
        closed = isinstance(part, exp.Expr) or (isinstance(part, PipeQuery) and bool(part.ctes))
        return iter(()) if closed else parts(part)

    for expression in expressions(query, inside):
        yield from expression.find_all(exp.Column)
