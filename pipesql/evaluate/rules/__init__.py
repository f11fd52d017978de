"""The rules by which an answer's rows are compared with the gold's, by name.

`strict`   rows as a multiset, in order where the gold orders, same number of columns (`execution.compare`)
`spider`   the rule of Spider's test suites: rows as a multiset, columns in any order, exact row order where the gold
           has ORDER BY, on the database and on every copy of its suite
`bird`     the rule of BIRD: the set of rows
`soft_f1`  the score of BIRD's mini-dev, 0…1: how many cells of the rows agree

The last three are the benchmarks' own, quirks included, so that figures can be compared with published ones.

To add a rule: write it as a function of two results in a module here, give `Verdict` a field for its outcome (and
`Verdict.score` its name), fill that in `judge.judge`, and name the rule in `SCORES`, and in `RULES` where it decides
right or wrong.
"""

from __future__ import annotations

RULES = ("strict", "spider", "bird")
"""The rules that decide right or wrong."""
SCORES = (*RULES, "soft_f1")
"""The rules, and the score that is a share."""
