"""When two results are equal, by the rule of golden pairs and of strict execution accuracy.

- The same number of columns; names do not matter.
- Rows equal as a multiset; where the gold orders at top level, in its order, ties in any order among themselves.
- Where the gold also cuts with LIMIT or OFFSET, any rows of the tie group that the cut goes through may be returned.
- Values: NULL equals NULL; text and blobs exactly (no trimming, no case folding: a query that trims is another query);
  numbers by value, integers exactly, and where a column holds a float to a relative 1e-6 (1e-9 absolute near zero,
  since sums in another order may cancel to 1e-17 instead of 0).

How two multisets of rows differ, once `compare` has said that they do (`row_difference`); the first kind that holds:

`types`         the same values in other storage classes: 1 and '1', text and blob
`multiplicity`  the same rows, but not as often
`extra`         all of the gold's rows, and others
`missing`       only rows of the gold, but not all
`values`        anything else
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pipesql.errors import ExecutionError
from pipesql.execution.connection import Result
from pipesql.execution.order import GoldOrder, gold_order

RELATIVE = 1e-6
ABSOLUTE = 1e-9
_KEY_RELATIVE = 1e-12

Row = tuple[Any, ...]


def compare(
    gold_sql: str, gold: Result, other: Result, run: Callable[[str], Result], dialect: str = "sqlite"
) -> str | None:
    """None when `other` equals the gold's result, else the kind of difference. `dialect` is the gold's.

    `run` executes a query on the database that both results come from: the gold without its LIMIT, to see ties.
    Kinds: `columns` (another number of them), `rows` (not the same rows), `order` (the same rows, wrongly ordered),
    `undecidable` (the rows are one of several answers that the gold allows, because it cuts without an order or
    orders by what cannot be seen, or its ties cannot be computed within the limits).
    """
    if len(gold.columns) != len(other.columns):
        return "columns"
    if gold.rows == other.rows:
        return None
    same = same_rows(gold.rows, other.rows)
    order = gold_order(gold_sql, gold.columns, dialect)
    if order is None:  # sqlglot cannot read the gold, so what it promises about order is unknown
        return "undecidable" if same else "rows"
    if not order.ordered:
        if same:
            return None
        return "undecidable" if order.cuts and _could_be_cut(order, gold, other, run) else "rows"
    if not same and (not order.cuts or len(gold.rows) != len(other.rows)):
        return "rows"
    groups = _tie_groups(order, run)
    if groups is None or not _fits(groups, order.offset, gold.rows, gold.rows):
        return "undecidable" if same else "rows"
    if _fits(groups, order.offset, other.rows, gold.rows):
        return None
    return "order" if same else "rows"


def same_rows(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Equality as multisets."""
    return len(left) == len(right) and contains_rows(left, right)


def contains_rows(have: Sequence[Row], need: Sequence[Row]) -> bool:
    """Whether every row of `need` can be paired with a different row of `have`.

    Exactly equal rows are paired first; what is left, rows that differ in the last digits of floats, is paired
    nearest first.
    """
    missing = Counter(need) - Counter(have)
    if not missing:
        return True
    spare = Counter(have) - Counter(need)
    rest_have, rest_need = list(spare.elements()), list(missing.elements())
    if len(rest_need) > len(rest_have):
        return False
    width = len(rest_need[0])
    rows = rest_have + rest_need
    approximate = [i for i in range(width) if any(isinstance(row[i], float) for row in rows)]
    if not approximate:
        return False
    pools = _by_exact_part(rest_have, approximate)
    return all(
        _pair(pools.get(exact, []), numbers) for exact, numbers in _by_exact_part(rest_need, approximate).items()
    )


def _by_exact_part(rows: Sequence[Row], approximate: Sequence[int]) -> dict[Row, list[tuple[float, ...]]]:
    """Rows grouped by the values that must be equal exactly; in each group the numbers that must be close, sorted."""
    groups: dict[Row, list[tuple[float, ...]]] = {}
    for row in rows:
        numbers = tuple(row[i] for i in approximate if isinstance(row[i], int | float))
        exact = tuple(
            "number" if i in approximate and isinstance(value, int | float) else (value,) for i, value in enumerate(row)
        )
        groups.setdefault(exact, []).append(numbers)
    for group in groups.values():
        group.sort()
    return groups


def _pair(have: list[tuple[float, ...]], need: list[tuple[float, ...]]) -> bool:
    used = [False] * len(have)
    for numbers in need:
        first = numbers[0] if numbers else 0.0
        low = first - abs(first) * RELATIVE * 2 - ABSOLUTE * 2
        found = None
        for i in range(bisect_left(have, (low,)), len(have)):
            if numbers and have[i][0] > first and not close(have[i][0], first):
                break
            if not used[i] and all(close(a, b) for a, b in zip(have[i], numbers, strict=True)):
                found = i
                break
        if found is None:
            return False
        used[found] = True
    return True


def close(left: float, right: float) -> bool:
    """Whether two numbers count as the same value."""
    return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _same_key(left: Any, right: Any) -> bool:
    """Whether sort keys tie: they are equal, or floats that differ by rounding alone (closer than values must be)."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=_KEY_RELATIVE)
    return bool(left == right)


def _could_be_cut(order: GoldOrder, gold: Result, other: Result, run: Callable[[str], Result]) -> bool:
    """Whether `other` is the same number of rows of the uncut gold as the gold's own LIMIT took."""
    if len(gold.rows) != len(other.rows):
        return False
    try:
        return contains_rows(run(order.key_sql).rows, other.rows)
    except ExecutionError:
        return False


def _tie_groups(order: GoldOrder, run: Callable[[str], Result]) -> list[list[Row]] | None:
    """The gold's rows without its cut, in groups of equal keys; None where that cannot be computed."""
    if not order.key_sql:
        return None
    try:
        full = run(order.key_sql).rows
    except ExecutionError:
        return None
    groups: list[list[Row]] = []
    first: Row | None = None
    for row in full:
        key = tuple(row[i] for i in order.key_positions)
        if first is not None and all(map(_same_key, key, first)):
            groups[-1].append(row[: order.width])
        else:
            groups.append([row[: order.width]])
            first = key
    return groups


def _fits(groups: list[list[Row]], offset: int, rows: list[Row], gold_rows: list[Row]) -> bool:
    """Whether `rows`, from `offset` on in the concatenated groups, take from each group rows of that group."""
    position, end = 0, offset + len(gold_rows)
    if len(rows) != len(gold_rows):
        return False
    for group in groups:
        start, stop = max(position, offset), min(position + len(group), end)
        if start < stop and not contains_rows(group, rows[start - offset : stop - offset]):
            return False
        position += len(group)
    return position >= end


KINDS = ("columns", "types", "multiplicity", "extra", "missing", "values", "order", "undecidable")
"""All kinds of a mismatch: `columns`, `order` and `undecidable` by `compare`, the others by `row_difference`."""


def row_difference(gold: Sequence[Row], other: Sequence[Row]) -> str:
    """The kind of difference between two multisets of rows of the same width that differ."""
    if same_rows([_untyped(row) for row in gold], [_untyped(row) for row in other]):
        return "types"
    if same_rows(list(dict.fromkeys(gold)), list(dict.fromkeys(other))):
        return "multiplicity"
    if contains_rows(other, gold):
        return "extra"
    return "missing" if contains_rows(gold, other) else "values"


def _untyped(row: Row) -> Row:
    return tuple(map(_plain, row))


def _plain(value: Any) -> Any:
    """A number where the value is one or reads as one, else text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str | int | float):
        try:
            return float(value)
        except ValueError:
            return value
    return value
