"""What a model's answers are worth by each rule, with intervals that say how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipesql.evaluate.intervals import Interval, by_cluster, by_question
from pipesql.evaluate.rules.scores import SCORES, worth
from pipesql.records import Verdict


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
