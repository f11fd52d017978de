"""Does the answer run?"""

from __future__ import annotations

from pipesql.execution.database import Database
from pipesql.finetune.rewards.reading import answered
from pipesql.records import GoldenPair


def execution(text: str, pair: GoldenPair, database: Database) -> float:
    """1 where the text is pipe SQL that resolves, lowers and runs within the database's limits, else 0.

    Whatever it returns, so by itself this reward teaches to be harmless; `result_f1` weighs more.
    """
    return 0.0 if answered(text, pair, database) is None else 1.0
