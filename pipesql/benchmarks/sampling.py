"""A seeded sample of questions, the same for the same questions, seed and limit."""

from __future__ import annotations

import random

from pipesql.records import Question


def sample(questions: list[Question], seed: int, limit: int) -> list[Question]:
    """At most `limit` questions of each split in their order; all of them where `limit` is 0."""
    if not limit:
        return questions
    kept: set[int] = set()
    for split in sorted({q.split for q in questions}):
        places = [i for i, q in enumerate(questions) if q.split == split]
        # One generator a split: how many dev questions there are does not change which train questions are taken.
        kept.update(random.Random(f"{seed}/{split}").sample(places, min(limit, len(places))))
    return [q for i, q in enumerate(questions) if i in kept]
