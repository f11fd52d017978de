"""Subsets of a benchmark: questions whose databases are there, a seeded sample, and a split by database.

What is left out is always counted and named.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidFile
from pipesql.execution.connection import is_url
from pipesql.records import Question

MISSING = ("fail", "skip")
"""What to do with questions whose database is missing: stop, or leave them out."""

_NAMED = 5


@dataclass(frozen=True)
class Questions:
    """The questions of a benchmark, the number left out of each split, and the ids of the missing databases."""

    questions: list[Question]
    place: str = ""
    """The folder or file that they come from."""
    left_out: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def of_split(self, split: str) -> list[str]:
        """The texts of a split's questions."""
        return [q.question for q in self.questions if q.split == split]

    def notes(self) -> list[str]:
        """A sentence for the user about what was left out, if anything was."""
        if not self.left_out:
            return []
        counted = ", ".join(f"{count} {split}" for split, count in self.left_out.items())
        named = ", ".join(self.missing[:_NAMED]) + (", …" if len(self.missing) > _NAMED else "")
        return [f"left out {counted} questions: {len(self.missing)} databases are missing ({named})"]

    def metrics(self) -> dict[str, float]:
        """The number of questions left out of each split, if any."""
        return {f"questions/left_out_{split}": float(count) for split, count in self.left_out.items()}

    def manifest(self) -> dict[str, Any]:
        """The manifest's entry about it; empty if nothing was left out."""
        if not self.left_out:
            return {}
        return {"left_out": {"questions": self.left_out, "databases": list(self.missing)}}


def without_missing(questions: Sequence[Question]) -> Questions:
    """The questions whose databases are there. Raises InvalidFile if all are missing."""
    there = {q.database: is_url(q.database) or Path(q.database).is_file() for q in questions}
    kept = [q for q in questions if there[q.database]]
    if questions and not kept:
        raise InvalidFile(
            f"all {len(there)} databases are missing, for example {questions[0].database}; check the folder"
        )
    gone = [q for q in questions if not there[q.database]]
    return Questions(kept, "", dict(Counter(q.split for q in gone)), tuple(sorted({q.db_id for q in gone})))


def sample(questions: list[Question], seed: int, limit: int) -> list[Question]:
    """Up to `limit` questions of each split, drawn by `seed`, in their order; all of them if `limit` is 0."""
    if not limit:
        return questions
    kept: set[int] = set()
    for split in sorted({q.split for q in questions}):
        places = [i for i, q in enumerate(questions) if q.split == split]
        # One generator for each split, so that the number of dev questions does not change the train questions drawn.
        kept.update(random.Random(f"{seed}/{split}").sample(places, min(limit, len(places))))
    return [q for i, q in enumerate(questions) if i in kept]


DEV_SHARE = 0.1


def split_databases(given: Mapping[str, str], databases: Iterable[str], seed: int) -> dict[str, str]:
    """Put each database into a split, `train` or `dev`; those `given` stay as they are.

    About `DEV_SHARE` of all databases are dev. With two or more databases, not all of them given, each split gets at
    least one. A single database is train.
    """
    names = sorted(set(databases))
    free = [name for name in names if name not in given]
    wanted = max(1, round(len(names) * DEV_SHARE)) if len(names) > 1 else 0
    wanted -= sum(split == "dev" for split in given.values())
    # one is left for train, unless train has one already
    most = len(free) - (0 if "train" in given.values() else 1)
    drawn = random.Random(f"{seed}/split").sample(free, max(0, min(wanted, most)))
    return {name: given.get(name, "dev" if name in drawn else "train") for name in names}
