"""Results side by side, and what the benchmarks' own code says of them (run once on every case; the reason beside it).

Of each case: the gold's rows, the answer's, whether the gold says ORDER BY; then Spider's verdict, BIRD's, and BIRD's
soft F1.
"""

from __future__ import annotations

import random

import pytest

from pipesql.evaluate.rules.bird import same_set, soft_f1
from pipesql.evaluate.rules.spider import order_matters, same_denotation

ANN, BOB, CEM = ("Ann", 31), ("Bob", 25), ("Cem", 47)

CASES = {
    "the same rows": ([ANN, BOB], [ANN, BOB], False, True, True, 1.0),
    "other order, which the gold leaves open; soft F1 pairs by place": ([ANN, BOB], [BOB, ANN], False, True, True, 0.0),
    "other order, where the gold orders; BIRD knows no order": ([ANN, BOB], [BOB, ANN], True, False, True, 0.0),
    "ties are not free where the gold orders": ([("a", 1), ("b", 1)], [("b", 1), ("a", 1)], True, False, True, 0.5),
    "columns swapped": ([ANN, BOB], [(31, "Ann"), (25, "Bob")], False, True, False, 1.0),
    "columns swapped, in order": ([ANN, BOB], [(31, "Ann"), (25, "Bob")], True, True, False, 1.0),
    "columns swapped in one row only": ([ANN, BOB], [ANN, (25, "Bob")], False, False, False, 1.0),
    "columns swapped and rows turned": ([ANN, BOB], [(25, "Bob"), (31, "Ann")], False, True, False, 0.0),
    "each column right, the rows not": ([(1, 2), (3, 4)], [(1, 4), (3, 2)], False, False, False, 0.5),
    "a duplicate lost": ([ANN, ANN, BOB], [ANN, BOB], False, False, True, 1.0),
    "as many rows, other duplicates": ([ANN, ANN, BOB], [ANN, BOB, BOB], False, False, True, 1.0),
    "duplicates kept": ([ANN, ANN, BOB], [ANN, BOB, ANN], False, True, True, 1.0),
    "both empty": ([], [], False, True, True, 1.0),
    "both empty, in order": ([], [], True, True, True, 1.0),
    "nothing found": ([ANN], [], False, False, False, 0.0),
    "nothing to find": ([], [ANN], False, False, False, 0.0),
    "a column too many": ([("Ann",), ("Bob",)], [ANN, BOB], False, False, False, 2 / 3),
    "a column too few": ([ANN, BOB], [("Ann",), ("Bob",)], False, False, False, 2 / 3),
    "a row too many": ([ANN], [ANN, BOB], False, False, False, 2 / 3),
    "a row too few": ([ANN, BOB], [ANN], False, False, False, 2 / 3),
    "NULL equals NULL": ([(None, 1)], [(None, 1)], False, True, True, 1.0),
    "NULL is not 0": ([(None,)], [(0,)], False, False, False, 0.0),
    "NULL is not the text None": ([(None,)], [("None",)], False, False, False, 0.0),
    "1 is 1.0": ([(1,)], [(1.0,)], False, True, True, 1.0),
    "1 is not the text 1": ([(1,)], [("1",)], False, False, False, 0.0),
    "a float beside an integer: values sorted by their text": ([(1, 1.5)], [(1.0, 1.5)], False, False, True, 1.0),
    "floats to the last digit": ([(0.3,)], [(0.1 + 0.2,)], False, False, False, 0.0),
    "text to the letter": ([("Ann",)], [("ann",)], False, False, False, 0.0),
    "four columns, the outer ones swapped": ([(1, 2, 3, 4)], [(4, 2, 3, 1)], False, True, False, 1.0),
    "columns that hold the same values": (
        [(1, 2, 1), (2, 1, 1)],
        [(1, 1, 2), (1, 2, 1)],
        False,
        True,
        False,
        1.0,
    ),
    "a value twice in an answer's row is a hit twice": ([("Ann", 31)], [("Ann", "Ann")], False, False, False, 0.8),
    "more hits than columns": ([("a",)], [("a", "a")], False, False, False, 1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_cases(case: str) -> None:
    gold, rows, ordered, spider, bird, f1 = CASES[case]
    assert same_denotation(gold, rows, ordered) == spider
    assert same_set(gold, rows) == bird
    assert soft_f1(gold, rows) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("gold", "ordered"),
    [
        ("SELECT name FROM singer ORDER BY age", True),
        ("select name from singer order by age limit 1", True),
        ("SELECT name FROM (SELECT * FROM singer ORDER BY age) AS s", True),  # the text says so
        ("SELECT name FROM singer", False),
        ("SELECT name FROM singer ORDER  BY age", False),  # two spaces: the official code does not see it
    ],
)
def test_what_says_that_order_matters(gold: str, ordered: bool) -> None:
    assert order_matters(gold) == ordered


def test_many_columns_need_no_many_tries() -> None:
    """A table of 30 columns, turned round: 30! orders, of which one is right."""
    chance = random.Random(0)
    gold = [tuple(chance.randrange(3) for _ in range(30)) for _ in range(200)]
    turned = [row[::-1] for row in gold]
    assert same_denotation(gold, turned, ordered=False)
    turned[7] = (*turned[7][:-1], turned[7][-1] + 1)
    assert not same_denotation(gold, turned, ordered=False)
