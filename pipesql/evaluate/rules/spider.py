"""When two results are one denotation by the rule of Spider's test suites.

Source: R. Zhong, T. Yu, D. Klein, "Semantic Evaluation for Text-to-SQL with Distilled Test Suites", EMNLP 2020, and
its code (github.com/taoyds/test-suite-sql-eval, `exec_eval.py`). What it does, and so does this:

- two empty results are equal, whatever their columns; else rows and columns must be as many;
- the columns may stand in any order, the same for all rows;
- rows are a multiset, or, where the text of the gold says ORDER BY anywhere, a sequence: ties are not free;
- values are equal as Python says: 1 and 1.0 are, 1 and '1' are not, NULL equals NULL, floats to the last digit;
- before that each row's values are sorted by their text and type and the rows compared so. Where an integer stands
  beside a float, this can tell 1 from 1.0 (`1` sorts behind `1.5`, `1.0` before it); that, too, is the rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

Row = tuple[Any, ...]


def order_matters(gold_sql: str) -> bool:
    """Whether the rule compares row by row: it asks the gold's text, so an ORDER BY in a subquery counts too."""
    return "order by" in gold_sql.lower()


def same_denotation(gold: Sequence[Row], rows: Sequence[Row], ordered: bool) -> bool:
    """Whether the two results count as one; `ordered` as `order_matters` says."""
    if not gold and not rows:
        return True
    if len(gold) != len(rows) or len(gold[0]) != len(rows[0]):
        return False
    if not _alike(gold, rows, ordered):
        return False
    columns, others = list(zip(*gold, strict=True)), list(zip(*rows, strict=True))
    return Counter(columns) == Counter(others) if ordered else _Matching(columns, others).exists()


def _alike(gold: Sequence[Row], rows: Sequence[Row], ordered: bool) -> bool:
    """The rows with their values sorted: equal in order, or equal as sets."""
    one, other = map(_values_sorted, gold), map(_values_sorted, rows)
    return list(one) == list(other) if ordered else set(one) == set(other)


def _values_sorted(row: Row) -> Row:
    return tuple(sorted(row, key=lambda value: f"{value}{type(value)}"))


class _Matching:
    """A search for an order of the other columns in which both tables are the same multiset of rows.

    Column by column, those with the fewest partners first. A partner has the same values as often, and with the columns
    chosen before it the same partial rows as often; so a table of different columns needs no second try.
    """

    def __init__(self, columns: Sequence[Row], others: Sequence[Row]) -> None:
        counts = [Counter(column) for column in others]
        self._partners = [
            (column, [j for j, count in enumerate(counts) if count == own])
            for column, own in zip(columns, map(Counter, columns), strict=True)
        ]
        self._partners.sort(key=lambda pair: len(pair[1]))
        self._others = others

    def exists(self) -> bool:
        """Whether there is such an order."""
        height = len(self._others[0])
        return self._from(0, frozenset(), [0] * height, [0] * height)

    def _from(self, place: int, used: frozenset[int], ours: list[int], theirs: list[int]) -> bool:
        """Whether the columns from `place` on can be matched; `ours` and `theirs` number the partial rows so far."""
        if place == len(self._partners):
            return True
        column, partners = self._partners[place]
        tried: set[Row] = set()
        for j in partners:
            if j in used or self._others[j] in tried:
                continue
            tried.add(self._others[j])
            numbers: dict[Hashable, int] = {}
            one = [numbers.setdefault(pair, len(numbers)) for pair in zip(ours, column, strict=True)]
            other = [numbers.setdefault(pair, len(numbers)) for pair in zip(theirs, self._others[j], strict=True)]
            if Counter(one) == Counter(other) and self._from(place + 1, used | {j}, one, other):
                return True
        return False
