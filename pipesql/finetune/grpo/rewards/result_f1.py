"""How much of the gold's result does the answer return? A soft F1 over cells.

Rows of the answer A (m rows of a columns) are paired with rows of the gold G (n rows of g columns), each row at most
once; the cells that a pair has in common are those that the multisets of its values share. With T common cells in all:

    precision = T / (m·a)     recall = T / (n·g)     F1 = 2·T / (m·a + n·g)

Source: the Soft F1-Score of BIRD's mini-dev (github.com/bird-bench/mini_dev, `evaluation_f1.py`), which also counts
cells wherever a value is in its row. Two things differ on purpose. BIRD makes the rows a set; here they stay a
multiset. BIRD pairs the i-th row with the i-th, so that a different order loses; here rows are paired by their values.
If both results are empty the score is 1, as in BIRD.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipesql.errors import ExecutionError
from pipesql.execution.compare import Row, same_rows
from pipesql.execution.connection import Connection
from pipesql.finetune.grpo.rewards.answers import run_answer
from pipesql.records import GoldenPair

PAIRED = 100
"""Rows of each side without an equal row that are compared with each other; further ones do not count."""
DIGITS = 9
"""Significant digits to which floats are compared."""


def result_f1(text: str, pair: GoldenPair, connection: Connection) -> float:
    """F1 of the text's rows against those of the pair's gold; 0 where the text does not run.

    Raises ExecutionError, naming the pair, where the gold does not run within the limits.
    """
    result = run_answer(text, pair, connection)
    if result is None:
        return 0.0
    try:
        gold = connection.run(pair.gold_sql)
    except ExecutionError as error:
        raise ExecutionError(f"the gold of {pair.id} does not run on {pair.database}: {error}") from error
    return soft_f1(result.rows, gold.rows)


def soft_f1(rows: Sequence[Row], gold: Sequence[Row]) -> float:
    """F1 by the module's formula; the order of rows and of columns does not matter."""
    if not rows or not gold:
        return float(len(rows) == len(gold))
    if len(rows[0]) == len(gold[0]) and same_rows(rows, gold):  # floats as the strict rule compares them
        return 1.0
    have, need = Counter(map(_cells, rows)), Counter(map(_cells, gold))
    common = sum(len(row) * count for row, count in (have & need).items())
    common += _in_pairs(_ordered(have - need), _ordered(need - have))
    return 2 * common / (len(rows) * len(rows[0]) + len(gold) * len(gold[0]))


def _cells(row: Row) -> tuple[Any, ...]:
    """The row's values, sorted independently of the order of columns."""
    return tuple(sorted(map(_cell, row), key=_rank))


def _cell(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) and not math.isnan(value) else value


def _rank(value: Any) -> tuple[str, str]:
    """A sort key; any order will do if equal values are neighbours (1 and 1.0 are equal)."""
    return ("number", repr(float(value))) if isinstance(value, int | float) else (type(value).__name__, repr(value))


def _ordered(rows: Counter[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The first `PAIRED` rows, sorted independently of the order in the result."""
    return sorted(rows.elements(), key=lambda row: [_rank(value) for value in row])[:PAIRED]


def _in_pairs(rows: list[tuple[Any, ...]], gold: list[tuple[Any, ...]]) -> int:
    """Common cells when rows are paired one to one, greedily by the most cells in common."""
    counted = [Counter(row) for row in gold]
    shared = [(-(Counter(row) & cells).total(), i, j) for i, row in enumerate(rows) for j, cells in enumerate(counted)]
    total, taken, met = 0, set(), set()
    for negative, i, j in sorted(shared):
        if negative and i not in taken and j not in met:
            total -= negative
            taken.add(i)
            met.add(j)
    return total
