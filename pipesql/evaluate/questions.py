"""The questions of an evaluation: those of databases that training never saw."""

from __future__ import annotations

import random
from pathlib import Path

from pipesql.errors import BadInput
from pipesql.records import GoldenPair, read_jsonl


def dev_questions(folder: Path, limit: int = 0, seed: int = 0) -> list[GoldenPair]:
    """The dev pairs in `folder`/golden.jsonl; with a `limit`, a seeded sample of at most that many, in file order.

    Raises BadInput where the file is missing or malformed, or holds no dev pairs.
    """
    path = folder / "golden.jsonl"
    questions = [pair for pair in read_jsonl(path, GoldenPair) if pair.split == "dev"]
    if not questions:
        raise BadInput(
            f"{path} holds no pair of the split dev to evaluate on; build the data from a benchmark with one"
        )
    if limit < 0:
        raise BadInput(f"limit is {limit}; give a number of questions, or 0 for all")
    if not limit or limit >= len(questions):
        return questions
    chosen = sorted(random.Random(seed).sample(range(len(questions)), limit))
    return [questions[i] for i in chosen]
