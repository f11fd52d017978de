"""Whether two results are one denotation by the rule of Spider's test suites.

Source: R. Zhong, T. Yu, D. Klein, "Semantic Evaluation for Text-to-SQL with Distilled Test Suites", EMNLP 2020, and
its code (github.com/taoyds/test-suite-sql-eval, `exec_eval.py`). The rule:

- two empty results are equal, whatever their columns; otherwise they need as many rows and columns;
- the columns may stand in any order, the same for all rows;
- rows are a multiset, or, where the text of the gold has ORDER BY anywhere, a sequence: ties may not change places;
- values are compared as in Python: 1 equals 1.0, 1 does not equal '1', NULL equals NULL, floats to the last digit;
- before that, rows are compared with their values sorted by text and type. Beside a float this can tell 1 from 1.0
  (`1` sorts behind `1.5`, `1.0` before it); that, too, is the rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

Row = tuple[Any, ...]


def order_matters(gold_sql: str) -> bool:
    """Whether the rule compares row by row: it looks at the gold's text, so an ORDER BY in a subquery counts too."""
    return "order by" in gold_sql.lower()


def same_denotation(gold: Sequence[Row], rows: Sequence[Row], ordered: bool) -> bool:
    """Whether the two results count as one; `ordered` is the outcome of `order_matters`."""
    if not gold and not rows:
        return True
    if len(gold) != len(rows) or len(gold[0]) != len(rows[0]):
        return False
    if not _alike(gold, rows, ordered):
        return False
    columns, others = list(zip(*gold, strict=True)), list(zip(*rows, strict=True))
    return Counter(columns) == Counter(others) if ordered else _columns_match(columns, others)


def _alike(gold: Sequence[Row], rows: Sequence[Row], ordered: bool) -> bool:
    """The rows with their values sorted: equal in order, or equal as sets."""
    one, other = map(_values_sorted, gold), map(_values_sorted, rows)
    return list(one) == list(other) if ordered else set(one) == set(other)


def _values_sorted(row: Row) -> Row:
    return tuple(sorted(row, key=lambda value: f"{value}{type(value)}"))


def _columns_match(columns: Sequence[Row], others: Sequence[Row]) -> bool:
    """Whether some order of the other columns makes both tables the same multiset of rows.

    The search goes column by column, those with the fewest partners first. A partner has the same values as often, and
    with the columns chosen before it the same partial rows as often; so a table of different columns needs no second
    try.
    """
    counts = [Counter(column) for column in others]
    partners = [
        (column, [j for j, count in enumerate(counts) if count == own])
        for column, own in zip(columns, map(Counter, columns), strict=True)
    ]
    partners.sort(key=lambda pair: len(pair[1]))

    def match(place: int, used: frozenset[int], ours: list[int], theirs: list[int]) -> bool:
        """Match the columns from `place` on; `ours` and `theirs` number the partial rows so far."""
        if place == len(partners):
            return True
        column, candidates = partners[place]
        tried: set[Row] = set()
        for j in candidates:
            if j in used or others[j] in tried:
                continue
            tried.add(others[j])
            numbers: dict[Hashable, int] = {}
            one = [numbers.setdefault(pair, len(numbers)) for pair in zip(ours, column, strict=True)]
            other = [numbers.setdefault(pair, len(numbers)) for pair in zip(theirs, others[j], strict=True)]
            if Counter(one) == Counter(other) and match(place + 1, used | {j}, one, other):
                return True
        return False

    height = len(others[0])
    return match(0, frozenset(), [0] * height, [0] * height)
