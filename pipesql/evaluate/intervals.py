"""Confidence intervals by bootstrap: what the mean worth of answers might have been on other questions like these.

Questions on one database are not independent: a model that understands a schema answers many of them. So there are two
intervals: one that draws questions, and a wider one that draws whole databases, which is what a new user's database is
to these (cluster bootstrap). Both take the 2.5% and 97.5% points of the resampled means (percentile method).

Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence

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
