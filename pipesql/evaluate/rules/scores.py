"""All rules by which an answer is judged.

`strict`   rows as a multiset, in order where the gold orders, same number of columns (`execution.compare`)
`spider`   the rule of Spider's test suites: rows as a multiset, columns in any order, exact row order where the gold
           says ORDER BY, on the database and on every copy of its suite
`bird`     the rule of BIRD: the set of rows
`soft_f1`  the score of BIRD's mini-dev, 0…1: how many cells of the rows agree

The last three are the benchmarks' own, quirks included, so that figures can be compared with published ones.
"""

from __future__ import annotations

from pipesql.records import Verdict

RULES = ("strict", "spider", "bird")
"""The rules that say right or wrong."""
SCORES = (*RULES, "soft_f1")
"""The rules, and the score that is a share."""


def worth(verdict: Verdict, score: str) -> float | None:
    """What an answer is worth by one of `SCORES`, in 0…1; None where it was not judged by that."""
    value = {
        "strict": verdict.correct,
        "spider": verdict.spider,
        "bird": verdict.bird,
        "soft_f1": verdict.soft_f1,
    }[score]
    return None if value is None else float(value)
