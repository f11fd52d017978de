"""Rows that queries look for, planted into the rows of a disturbed copy.

`WHERE a = 'x' AND b > 5` often finds nothing on a copy whose values were moved about, and an empty result proves
little. So rows that hold what a query compares with are planted, all of one query's values in one row: they meet its
conditions, and they stand exactly on its bounds, where `>` and `>=` part.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MAX_ADDED = 300
"""Most rows that planting adds to one table."""
_OVERWRITTEN = 0.25
"""Share of the rows there that may be overwritten. These keep their keys, so that other tables still refer to them."""

Row = list[Any]
Sought = Mapping[str, Any]
"""What one query compares columns with: column name in lower case → value."""


def plant(
    columns: Sequence[str],
    key: Sequence[int],
    rows: list[Row],
    sought: Sequence[Sought],
    chance: random.Random,
    renew: Callable[[list[Row]], None],
) -> list[Row]:
    """The rows with what `sought` asks for in them: by turns into a row that is there, and into a new row like one.

    Columns of the key keep their values; `renew` gives new rows keys of their own. Without rows there is nothing to
    plant into, and nothing is.
    """
    wanted = list(dict.fromkeys(_values(columns, key, each) for each in sought))
    wanted = [values for values in wanted if values]
    if not rows or not wanted:
        return rows
    result: list[Row] = [list(row) for row in rows]
    added: list[Row] = []
    overwritten = chance.sample(range(len(rows)), max(1, round(len(rows) * _OVERWRITTEN)))
    for turn, values in enumerate(wanted):
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


def _values(columns: Sequence[str], key: Sequence[int], sought: Sought) -> tuple[tuple[int, Any], ...]:
    """Positions and values of the columns that a query compares, the key left out."""
    return tuple((i, sought[c.lower()]) for i, c in enumerate(columns) if c.lower() in sought and i not in key)
