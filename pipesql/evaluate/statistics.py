"""The statistics of an evaluation: how sure a figure is, and whether two models differ beyond chance.

Shares have Wilson intervals. Scores have bootstrap intervals, which estimate what the mean score might have been on
other questions like these. Questions on one database are not independent: a model that understands a schema answers
many of them. So there are two intervals: one that draws questions, and a wider one that draws whole databases, which is
what a new user's database is to these (cluster bootstrap). Both take the 2.5% and 97.5% points of the resampled means
(percentile method; B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 8).

Two models on the same questions are compared by the exact McNemar test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipesql.errors import InvalidOption
from pipesql.evaluate.rules import RULES, SCORES
from pipesql.records import Verdict

Interval = tuple[float, float]

RESAMPLES = 10_000
_SEED = 20_240_229
_CHUNK = 500
_POINTS = (0.025, 0.975)


def wilson(successes: int, n: int) -> Interval:
    """The 95% confidence interval of a share, as (low, high) in 0…1; (0, 1) when nothing was observed.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): unlike
    p ± z·σ it stays inside 0…1 and is honest for few questions and for shares near 0 or 1.
    """
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Share:
    """`right` of `n`, with its 95% Wilson interval."""

    right: int
    n: int

    @property
    def value(self) -> float:
        return self.right / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} [{low:.1%}, {high:.1%}]"


def mcnemar(gained: int, lost: int) -> float:
    """One-sided exact McNemar test: the p-value of "the new one is not better".

    `gained` questions only the new one answered rightly, `lost` only the old one; questions on which both agree do not
    count. If both were equally good, each of the gained + lost would fall to either like a fair coin (Q. McNemar, "Note
    on the sampling error of the difference between correlated proportions or percentages", Psychometrika 12, 1947, with
    the binomial distribution in place of its approximation by χ²).
    """
    return _coin(gained, lost, "greater")


def mcnemar_two_sided(gained: int, lost: int) -> float:
    """Two-sided exact McNemar test: the p-value of "both are equally good"."""
    return _coin(gained, lost, "two-sided")


def _coin(heads: int, tails: int, alternative: str) -> float:
    from scipy.stats import binomtest

    return float(binomtest(heads, heads + tails, 0.5, alternative).pvalue) if heads + tails else 1.0


def by_question(scores: Sequence[Sequence[float]], resamples: int = RESAMPLES, seed: int = _SEED) -> list[Interval]:
    """The interval of each rule's mean score, in 0…1. `scores` holds a row per question, in it a value per rule.

    One draw of questions serves all rules. The same input gives the same intervals. Empty without questions.
    """
    import numpy as np

    table = np.asarray(scores, dtype=np.float64)
    if not table.size:
        return []
    random, means = np.random.default_rng(seed), []
    for start in range(0, resamples, _CHUNK):
        drawn = random.integers(0, len(table), size=(min(_CHUNK, resamples - start), len(table)))
        means.append(np.stack([column[drawn].mean(axis=1) for column in table.T], axis=1))
    return _points(np.concatenate(means))


def by_cluster(
    scores: Sequence[Sequence[float]], clusters: Sequence[str], resamples: int = RESAMPLES, seed: int = _SEED
) -> list[Interval]:
    """The same, drawing whole clusters: `clusters` names the one of each question. Empty with fewer than two."""
    import numpy as np

    names = sorted(set(clusters))
    if len(names) < 2:
        return []
    table = np.asarray(scores, dtype=np.float64)
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
class Estimate:
    """The mean score by a rule, in 0…1, and its 95% intervals; `by_database` is None with fewer than two databases."""

    value: float
    by_question: Interval
    by_database: Interval | None

    def __str__(self) -> str:
        return f"{self.value:.1%} {shown(self.by_question)}"


def estimates(verdicts: Sequence[Verdict]) -> dict[str, Estimate]:
    """The estimate by each of `SCORES` by which all verdicts were judged. Empty without verdicts."""
    table = {rule: [v.score(rule) for v in verdicts] for rule in SCORES}
    known = [rule for rule, column in table.items() if column and None not in column]
    rows = [[float(table[rule][i] or 0) for rule in known] for i in range(len(verdicts))]
    questions = by_question(rows)
    databases = by_cluster(rows, [v.db_id for v in verdicts])
    return {
        rule: Estimate(sum(row[i] for row in rows) / len(rows), questions[i], databases[i] if databases else None)
        for i, rule in enumerate(known)
    }


def estimate_metrics(prefix: str, found: Mapping[str, Estimate]) -> dict[str, float]:
    """Flat metrics: `prefix/strict` with `_low` and `_high` by question, `_database_low` and `_database_high`."""
    out: dict[str, float] = {}
    for rule, estimate in found.items():
        key = f"{prefix}/{rule}"
        out |= {key: estimate.value, f"{key}_low": estimate.by_question[0], f"{key}_high": estimate.by_question[1]}
        if estimate.by_database:
            out |= {f"{key}_database_low": estimate.by_database[0], f"{key}_database_high": estimate.by_database[1]}
    return out


def shown(interval: Interval | None) -> str:
    """`[12.3%, 45.6%]`, or a dash."""
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "–"


@dataclass(frozen=True)
class Pairing:
    """Two models by one rule: the questions that only the second answered rightly (`gained`) and that only the first
    did (`lost`), and the two-sided p-value."""

    questions: int
    gained: int
    lost: int
    p: float

    def __str__(self) -> str:
        return f"gained {self.gained}, lost {self.lost}, exact McNemar p = {self.p:.2g}"

    def metrics(self) -> dict[str, float]:
        """Flat metrics, in the group `paired/`."""
        return {"paired/gained": self.gained, "paired/lost": self.lost, "paired/p": self.p}


def gained_and_lost(pairs: Iterable[tuple[float | None, float | None]]) -> tuple[int, int]:
    """How many of the pairs (before, after) turned right, and how many turned wrong."""
    gained = lost = 0
    for before, after in pairs:
        gained += bool(after) and not before
        lost += bool(before) and not after
    return gained, lost


def pairings(before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Pairing]:
    """The pairing by every rule by which all were judged; both hold verdicts on the same questions, by id."""
    earlier = {v.id: v for v in before}
    found = {}
    for rule in RULES:
        pairs = [(earlier[v.id].score(rule), v.score(rule)) for v in after]
        if any(score is None for pair in pairs for score in pair):
            continue
        gained, lost = gained_and_lost(pairs)
        found[rule] = Pairing(len(pairs), gained, lost, mcnemar_two_sided(gained, lost))
    return found


@dataclass(frozen=True)
class EarlierComparison:
    """A model beside an earlier evaluation, called `name`, by every rule by which both were judged."""

    name: str
    by_rule: dict[str, Pairing]
    alone: int
    """Questions of this evaluation that the earlier one did not ask, or with another gold."""

    def metrics(self) -> dict[str, float]:
        """`against/gained`, `lost`, `p` and `questions` by the strict rule, `against/spider_gained` … by the others."""
        out: dict[str, float] = {}
        for rule, pairing in self.by_rule.items():
            prefix = "against/" if rule == "strict" else f"against/{rule}_"
            out |= {f"{prefix}gained": pairing.gained, f"{prefix}lost": pairing.lost, f"{prefix}p": pairing.p}
        return {"against/questions": self.by_rule["strict"].questions, **out}

    def text(self) -> str:
        """A line per rule, under a line that names the comparison."""
        questions = self.by_rule["strict"].questions
        left = f" ({self.alone} more were not asked there)" if self.alone else ""
        lines = [f"against {self.name}, on {questions} questions that both were asked{left}:"]
        return "\n".join(lines + [f"  {rule:<8}{pairing}" for rule, pairing in self.by_rule.items()])


def compare_with_earlier(name: str, earlier: Sequence[Verdict], verdicts: Sequence[Verdict]) -> EarlierComparison:
    """Compare verdicts with those of an earlier evaluation, on the questions that both asked with the same gold.

    Raises InvalidOption where there is no such question.
    """
    before = {(v.id, v.gold_sql): v for v in earlier}
    both = [v for v in verdicts if (v.id, v.gold_sql) in before]
    if not both:
        raise InvalidOption(
            f"{name} and this evaluation have no question in common, so they cannot be compared: evaluate both on the "
            "same data"
        )
    matched = [before[v.id, v.gold_sql] for v in both]
    return EarlierComparison(name, pairings(matched, both), len(verdicts) - len(both))
