"""Known values from the literature and from counting every outcome."""

from __future__ import annotations

from itertools import product

import pytest

from pipesql.evaluate.statistics import mcnemar, mcnemar_two_sided, wilson


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (4, 1, 6 / 32), (0, 5, 1.0), (10, 2, 79 / 4096), (400, 400, None)],
)
def test_mcnemar_known_values(gained: int, lost: int, p: float | None) -> None:
    if p is None:
        assert 0.5 < mcnemar(gained, lost) < 0.52
    else:
        assert mcnemar(gained, lost) == pytest.approx(p, rel=1e-12)


def test_mcnemar_is_the_share_of_coin_tosses_at_least_as_good() -> None:
    for gained, lost in product(range(7), range(7)):
        tosses = list(product((0, 1), repeat=gained + lost))
        assert mcnemar(gained, lost) == sum(sum(t) >= gained for t in tosses) / len(tosses)


def test_mcnemar_two_sided() -> None:
    assert mcnemar_two_sided(10, 2) == mcnemar_two_sided(2, 10) == pytest.approx(2 * 79 / 4096)
    assert mcnemar_two_sided(3, 3) == 1.0


def test_mcnemar_of_thousands_does_not_overflow() -> None:
    assert 0 <= mcnemar(3000, 2000) < 1e-40


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_known_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=6e-5)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
