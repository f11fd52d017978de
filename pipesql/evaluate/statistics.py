"""The two statistics that say whether a difference between models is real; exact, in integers where they can be."""

from __future__ import annotations

from fractions import Fraction
from math import comb, sqrt

Z95 = 1.959963984540054
"""The 97.5% point of the normal distribution."""


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Confidence interval of a share, as (low, high) in 0…1; (0, 1) when nothing was observed.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): unlike
    p ± z·σ it stays inside 0…1 and is honest for few questions and for shares near 0 or 1.
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def mcnemar(gained: int, lost: int) -> float:
    """One-sided exact McNemar test: the p-value of "the new one is not better".

    `gained` questions only the new one answered rightly, `lost` only the old one; questions on which both agree say
    nothing. If both were equally good each of the n = gained + lost would fall to either side like a fair coin, so
    p = Σ_{k ≥ gained} C(n, k) / 2ⁿ.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), with the binomial distribution in place of its approximation by χ².
    """
    n = gained + lost
    return float(Fraction(sum(comb(n, k) for k in range(gained, n + 1)), 2**n))


def mcnemar_two_sided(gained: int, lost: int) -> float:
    """Two-sided exact McNemar test: the p-value of "both are equally good"."""
    return min(1.0, 2 * mcnemar(max(gained, lost), min(gained, lost)))
