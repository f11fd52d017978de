"""Value seeding: a perturbed copy gets the values that gold queries compare with, so that they find rows there.

`WHERE a = 'x' AND b > 5` often finds nothing on a copy whose values were moved about, and an empty result proves
little. So rows that hold what a query compares with are added, all of one query's values in one row: they meet its
conditions, and they lie exactly on its bounds, where `>` and `>=` differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Literal = str | int | float
Row = list[Any]
RowValues = Mapping[str, Any]
"""What one query compares columns with: column name in lower case → value."""

MAX_ADDED = 300
"""Most rows that seeding adds to one table."""
_OVERWRITTEN = 0.25
"""Share of the table's rows that may be overwritten. They keep their keys, so that other tables still refer to them."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Glob, exp.In, exp.Between)


@dataclass(frozen=True)
class SeedValues:
    """What queries compare with: all their texts and numbers, which fill empty tables, and the rows to seed."""

    literals: tuple[Literal, ...] = ()
    rows: tuple[RowValues, ...] = ()


def seed_values(golds: Iterable[str], dialect: str = "sqlite") -> SeedValues:
    """The values that gold queries in this dialect compare with. Queries that sqlglot cannot read give none."""
    trees = list(_trees(golds, dialect))
    return SeedValues(tuple(_literals(trees)), tuple(_rows(trees)))


def _literals(trees: Iterable[exp.Expr]) -> list[Literal]:
    """The texts and numbers in the queries, each once, in the order met; LIKE patterns without their wildcards.

    Names in double quotes count too: SQLite takes them for text where no column has that name.
    """
    found: dict[tuple[str, str], Literal] = {}
    for tree in trees:
        for node in tree.find_all(exp.Literal, exp.Identifier):
            if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
                continue
            value = _value(node)
            found.setdefault((type(value).__name__, str(value)), value)
    return list(found.values())


def _rows(trees: Iterable[exp.Expr]) -> list[RowValues]:
    """One row of values for each query that compares columns with values.

    A column that is compared with several values gives several rows, the first with the first of each; for `>` and `<`
    the value beyond the bound comes first, then the bound itself.
    """
    found: dict[str, RowValues] = {}
    for tree in trees:
        compared: dict[str, list[Literal]] = {}
        for comparison in tree.find_all(*_COMPARISONS):
            for column, value in _pairs(comparison):
                compared.setdefault(column, []).extend(_around(comparison, value))
        for turn in range(max(map(len, compared.values()), default=0)):
            row = {column: values[min(turn, len(values) - 1)] for column, values in compared.items()}
            found.setdefault(repr(sorted(row.items())), row)
    return list(found.values())


def _trees(golds: Iterable[str], dialect: str) -> Iterator[exp.Expr]:
    for gold in golds:
        try:
            yield sqlglot.parse_one(gold, read=dialect)
        except SqlglotError:
            continue


def _pairs(comparison: exp.Expr) -> Iterator[tuple[str, Literal]]:
    sides = list(comparison.iter_expressions())
    columns = [side for side in sides if isinstance(side, exp.Column) and not _is_text(side)]
    for column in columns:
        for side in sides:
            value = _constant(side)
            if value is not None:
                yield column.name.lower(), value


def _around(comparison: exp.Expr, value: Literal) -> list[Literal]:
    """Values that meet the comparison, and the value on its bound."""
    if isinstance(value, str):
        return [value + "~", value] if isinstance(comparison, exp.GT) else [value]
    if isinstance(comparison, exp.GT):
        return [value + 1, value]
    return [value - 1, value] if isinstance(comparison, exp.LT) else [value]


def _constant(node: exp.Expr) -> Literal | None:
    if isinstance(node, exp.Neg):
        value = _constant(node.this)
        return -value if isinstance(value, int | float) else None
    if isinstance(node, exp.Literal):
        return _value(node)
    return _value(node.this) if _is_text(node) else None


def _is_text(node: exp.Expr) -> bool:
    """A bare name in double quotes, which is text far more often than a column."""
    return isinstance(node, exp.Column) and not node.table and bool(node.this.args.get("quoted"))


def _value(node: exp.Expr) -> Literal:
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.this) if node.is_int else float(node.this)
    return str(node.this).strip("%")


def seed_rows(
    columns: Sequence[str],
    key: Sequence[int],
    rows: list[Row],
    wanted: Sequence[RowValues],
    chance: random.Random,
    renew: Callable[[list[Row]], None],
) -> list[Row]:
    """The rows with the `wanted` values in them, by turns in an existing row and in a new row copied from one.

    Key columns keep their values; `renew` gives the new rows keys of their own. A table without rows stays empty.
    """
    seeds = list(dict.fromkeys(_values(columns, key, each) for each in wanted))
    seeds = [values for values in seeds if values]
    if not rows or not seeds:
        return rows
    result: list[Row] = [list(row) for row in rows]
    added: list[Row] = []
    overwritten = chance.sample(range(len(rows)), max(1, round(len(rows) * _OVERWRITTEN)))
    for turn, values in enumerate(seeds):
        if turn % 2 == 0 and overwritten:
            row = result[overwritten.pop()]
        elif len(added) < MAX_ADDED:
            row = list(chance.choice(rows))
            added.append(row)
        else:
            break
        for position, value in values:
            row[position] = value
    renew(added)
    return result + added


def _values(columns: Sequence[str], key: Sequence[int], wanted: RowValues) -> tuple[tuple[int, Any], ...]:
    """Positions and values of the columns that a query compares, without those of the key."""
    return tuple((i, wanted[c.lower()]) for i, c in enumerate(columns) if c.lower() in wanted and i not in key)
