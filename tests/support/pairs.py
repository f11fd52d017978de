"""A golden pair for a test, which names what it is about."""

from __future__ import annotations

from typing import Any

from pipesql.records import GoldenPair


def golden_pair(**fields: Any) -> GoldenPair:
    """A pair of a train database called `music`, but for what is said."""
    pair = {"id": "q1", "db_id": "music", "database": "", "question": "", "gold_sql": "", "benchmark": "test"}
    pair |= {"split": "train", "lowered_sql": "", "rows_digest": "", "database_digest": ""}
    return GoldenPair(**{"rows": 0, **pair, **fields})
