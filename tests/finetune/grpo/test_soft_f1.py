"""The soft F1 of two results, by BIRD's formula on rows that need not stand in order."""

from __future__ import annotations

import random
import time

import pytest

from pipesql.finetune.grpo.rewards.result_f1 import soft_f1

A, B, C = ("a", 1), ("b", 2), ("c", 3)


@pytest.mark.parametrize(
    ("rows", "gold", "expected"),
    [
        ([A, B, C], [C, B, A], 1),  # no order
        ([(1, "a"), (2, "b")], [A, B], 1),  # nor of columns
        ([], [], 1),
        ([], [A], 0),
        ([A], [], 0),
        ([A], [A, B], 2 * 2 / (2 + 4)),
        ([A, B, C], [A], 2 * 2 / (6 + 2)),
        ([A, A], [A], 2 * 2 / (4 + 2)),  # duplicates count: not a set
        ([A, A], [A, A], 1),
        ([("a", 9), ("b", 9)], [A, B], 2 * 2 / (4 + 4)),  # half of each row
        ([("b", 9), ("a", 9)], [A, B], 2 * 2 / (4 + 4)),  # in any order
        ([("a",), ("b",)], [A, B], 2 * 2 / (2 + 4)),  # a column too few
        ([("a", 1, "x")], [A], 2 * 2 / (3 + 2)),  # a column too many
        ([(None,)], [(None,)], 1),  # NULL equals NULL
        ([(None,)], [("",)], 0),
        ([(None, 1)], [(None, 2)], 2 * 1 / (2 + 2)),
        ([(1,)], [(1.0,)], 1),
        ([(0.1 + 0.2, "x")], [(0.3, "y")], 2 * 1 / (2 + 2)),  # floats by value
        ([(1,)], [("1",)], 0),  # text is no number
        ([("a", "a")], [("a", "b")], 2 * 1 / (2 + 2)),  # a value counts as often as it stands there
        ([(b"x", float("nan"))], [(b"x", 2.0)], 2 * 1 / (2 + 2)),
    ],
)
def test_soft_f1_by_its_formula(rows, gold, expected) -> None:
    assert soft_f1(rows, gold) == pytest.approx(expected)
    assert soft_f1(gold, rows) == pytest.approx(expected), "it is symmetric"


def test_soft_f1_does_not_depend_on_the_order_of_rows_and_is_quick_on_many() -> None:
    draw = random.Random(0)
    rows = [tuple(draw.choices("abc", k=3)) for _ in range(3000)]
    gold = [tuple(draw.choices("abcd", k=3)) for _ in range(3000)]
    began = time.monotonic()
    value = soft_f1(rows, gold)
    assert time.monotonic() - began < 1
    assert 0 < value < 1
    for _ in range(3):
        draw.shuffle(rows)
        draw.shuffle(gold)
        assert soft_f1(rows, gold) == value
