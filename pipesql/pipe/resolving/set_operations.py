"""Set operations that match columns by name (BY NAME, CORRESPONDING): which column of each input stands where.

Rules: GoogleSQL's set operators, `column_match`; INNER, LEFT and FULL say which names the result has.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipesql.errors import SqlError
from pipesql.pipe import operators as op
from pipesql.pipe.scope import ScopeColumn

Columns = tuple[ScopeColumn, ...]
Arm = tuple[ScopeColumn, ...]
"""The columns that an input gives, in the order of the result."""


class Missing(ScopeColumn):
    """Stands where an input has no column of that name: NULL."""


def match_arms(operator: op.SetOperation | op.RecursiveUnion, inputs: list[Columns]) -> list[Arm]:
    """For every input, the table so far first, its columns in their order. Raises SqlError where they do not match."""
    side, strict = "", False
    on: tuple[str, ...] = ()
    if isinstance(operator, op.SetOperation):
        side, strict, on = operator.side, operator.strict, operator.on
    kind = op.keyword(operator)
    if not operator.matching:
        if side or strict or on:
            raise SqlError(f"{side or 'STRICT'} {kind} needs BY NAME or CORRESPONDING")
        _same_width(kind, inputs)
        return [*inputs]
    return _by_name(f"{kind} {operator.matching}", operator.matching, side, strict, on, inputs)


def _same_width(kind: str, inputs: list[Columns]) -> None:
    wanted = len(inputs[0])
    for columns in inputs[1:]:
        if len(columns) != wanted:
            raise SqlError(f"{kind} needs queries of the same width: {wanted} columns before, {len(columns)} in it")


def _by_name(
    shown: str, matching: str, side: str, strict: bool, on: tuple[str, ...], inputs: list[Columns]
) -> list[Arm]:
    named = [_named(shown, columns) for columns in inputs]
    if side == "LEFT" or side == "FULL":
        names = _outer_names(shown, side, on, named)
    elif (matching == "BY NAME" and not side) or strict:
        names = _same_names(shown, on, named)
    else:
        names = _common_names(shown, on, named)
    first = {name: column for columns in reversed(named) for name, column in columns.items()}
    return [tuple(columns.get(n) or Missing(first[n].name, first[n].kind) for n in names) for columns in named]


def _named(shown: str, columns: Columns) -> dict[str, ScopeColumn]:
    out: dict[str, ScopeColumn] = {}
    for column in columns:
        if not column.name:
            raise SqlError(f"{shown} needs a name for every column: name them with AS")
        if column.name.lower() in out:
            raise SqlError(f"{shown}: two columns are called {column.name}, rename one")
        out[column.name.lower()] = column
    return out


def _listed(shown: str, on: tuple[str, ...]) -> list[str]:
    names = [name.lower() for name in on]
    for name in names:
        if names.count(name) > 1:
            raise SqlError(f"{shown}: {name} is listed twice")
    return names


def _same_names(shown: str, on: tuple[str, ...], named: list[dict[str, ScopeColumn]]) -> list[str]:
    """All inputs have the same names, in any order."""
    names = _listed(shown, on) or list(named[0])
    for columns in named:
        if columns.keys() != set(names):
            raise SqlError(f"{shown} needs the same column names everywhere: {_list(names)} against {_list(columns)}")
    return names


def _common_names(shown: str, on: tuple[str, ...], named: list[dict[str, ScopeColumn]]) -> list[str]:
    """The names that all inputs have."""
    common = [name for name in named[0] if all(name in columns for columns in named)]
    for name in _listed(shown, on):
        if name not in common:
            raise SqlError(f"{shown}: not every query has a column {name}")
    if not common:
        raise SqlError(f"{shown}: the queries have no column name in common")
    return _listed(shown, on) or common


def _outer_names(shown: str, side: str, on: tuple[str, ...], named: list[dict[str, ScopeColumn]]) -> list[str]:
    """The names of the first input (LEFT) or of all (FULL)."""
    names = list(named[0]) if side == "LEFT" else list(dict.fromkeys(name for columns in named for name in columns))
    for name in _listed(shown, on):
        if name not in names:
            raise SqlError(f"{side} {shown}: no column {name} there, there are {_list(names)}")
    for columns in named[1:] if side == "LEFT" else ():
        if not columns.keys() & named[0].keys():
            raise SqlError(f"{side} {shown}: a query has no column name in common with the table before")
    return _listed(shown, on) or names


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
