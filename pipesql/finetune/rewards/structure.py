"""Are the answer's operators of the gold's kinds, in the gold's order?"""

from __future__ import annotations

from collections.abc import Sequence

from pipesql.execution.database import Database
from pipesql.finetune.rewards.reading import read
from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery
from pipesql.records import GoldenPair


def structure(text: str, pair: GoldenPair, database: Database) -> float:
    """F1 of the longest common subsequence of operator kinds, 2·L / (m + n) for m and n operators; 0 for no pipe SQL.

    Source: ROUGE-L (C.-Y. Lin, 2004) with precision L/m and recall L/n weighed alike. Kinds are GoogleSQL's words
    (`LEFT JOIN` is another than `JOIN`); operators inside brackets are not looked at. `database` is not read.
    """
    query, gold = read(text), read(pair.pipe_sql)
    if query is None or gold is None:
        return 0.0
    one, other = kinds(query), kinds(gold)
    return 2 * common_length(one, other) / (len(one) + len(other))


def kinds(query: PipeQuery) -> list[str]:
    """What each operator is called, in order."""
    return [f"{o.kind} JOIN".lstrip() if isinstance(o, op.Join) else op.keyword(o) for o in query.operators]


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for item in one:
        above = row
        row = [0]
        for number, rival in enumerate(other, 1):
            row.append(above[number - 1] + 1 if item == rival else max(above[number], row[-1]))
    return row[-1]
