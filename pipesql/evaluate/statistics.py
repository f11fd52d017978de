"""The two statistics that say whether a difference between models is real; exact, in integers where they can be.

Confidence intervals by bootstrap: what the mean worth of answers might have been on other questions like these.

Questions on one database are not independent: a model that understands a schema answers many of them. So there are two
intervals: one that draws questions, and a wider one that draws whole databases, which is what a new user's database is
to these (cluster bootstrap). Both take the 2.5% and 97.5% points of the resampled means (percentile method).

Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 8.

What a model's answers are worth by each rule, with intervals that say how sure that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, sqrt

from pipesql.evaluate.rules.scores import SCORES, worth
from pipesql.records import Verdict

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


Interval = tuple[float, float]

RESAMPLES = 10_000
_SEED = 20_240_229
_CHUNK = 500
_POINTS = (0.025, 0.975)


def by_question(worths: Sequence[Sequence[float]], resamples: int = RESAMPLES, seed: int = _SEED) -> list[Interval]:
    """The interval of each score's mean, in 0…1. `worths` holds a row for each question, in it a value for each score.

    One draw of questions serves all scores. The same input gives the same intervals. Empty without questions.
    """
    import numpy as np

    table = np.asarray(worths, dtype=np.float64)
    if not table.size:
        return []
    random, means = np.random.default_rng(seed), []
    for start in range(0, resamples, _CHUNK):
        drawn = random.integers(0, len(table), size=(min(_CHUNK, resamples - start), len(table)))
        means.append(np.stack([column[drawn].mean(axis=1) for column in table.T], axis=1))
    return _points(np.concatenate(means))


def by_cluster(
    worths: Sequence[Sequence[float]], clusters: Sequence[str], resamples: int = RESAMPLES, seed: int = _SEED
) -> list[Interval]:
    """The same, drawing whole clusters: `clusters` names the one of each question. Empty with fewer than two."""
    import numpy as np

    names = sorted(set(clusters))
    if len(names) < 2:
        return []
    table = np.asarray(worths, dtype=np.float64)
    belongs = np.asarray([names.index(cluster) for cluster in clusters])
    sums = np.stack([np.bincount(belongs, weights=column, minlength=len(names)) for column in table.T], axis=1)
    sizes = np.bincount(belongs, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), size=(resamples, len(names)))
    return _points(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)[:, None])


def _points(means: object) -> list[Interval]:
    import numpy as np

    low, high = np.quantile(np.asarray(means), _POINTS, axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


@dataclass(frozen=True)
class Scored:
    """The mean worth in 0…1 and its 95% intervals; `by_database` is None with fewer than two databases."""

    value: float
    by_question: Interval
    by_database: Interval | None

    def __str__(self) -> str:
        return f"{self.value:.1%} {shown(self.by_question)}"


def scored(verdicts: Sequence[Verdict]) -> dict[str, Scored]:
    """By each of `SCORES` by which all verdicts were judged. Empty without verdicts."""
    table = {score: [worth(v, score) for v in verdicts] for score in SCORES}
    known = [score for score, column in table.items() if column and None not in column]
    rows = [[float(table[score][i] or 0) for score in known] for i in range(len(verdicts))]
    questions = by_question(rows)
    databases = by_cluster(rows, [v.db_id for v in verdicts])
    return {
        score: Scored(sum(row[i] for row in rows) / len(rows), questions[i], databases[i] if databases else None)
        for i, score in enumerate(known)
    }


def metrics(prefix: str, scores: Mapping[str, Scored]) -> dict[str, float]:
    """Flat metrics: `prefix/strict` with `_low` and `_high` by question, `_database_low` and `_database_high`."""
    out: dict[str, float] = {}
    for name, score in scores.items():
        key = f"{prefix}/{name}"
        out |= {key: score.value, f"{key}_low": score.by_question[0], f"{key}_high": score.by_question[1]}
        if score.by_database:
            out |= {f"{key}_database_low": score.by_database[0], f"{key}_database_high": score.by_database[1]}
    return out


def shown(interval: Interval | None) -> str:
    """`[12.3%, 45.6%]`, or a dash."""
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "–"
