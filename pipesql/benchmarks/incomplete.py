"""Benchmarks of which some databases are missing: what is left, and what was left out, never silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipesql.engine import is_url
from pipesql.errors import BadInput
from pipesql.records import Question

MISSING = ("fail", "skip")
"""What may be done about missing databases."""

_NAMED = 5


@dataclass(frozen=True)
class Questions:
    """The questions of a benchmark, how many of each split were left out, and the ids of the missing databases."""

    questions: list[Question]
    place: str = ""
    """The folder or file that they come from."""
    left_out: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def of_split(self, split: str) -> list[str]:
        """What is asked in a split."""
        return [q.question for q in self.questions if q.split == split]

    def said(self) -> list[str]:
        """A sentence for the user about what was left out, if anything was."""
        if not self.left_out:
            return []
        counted = ", ".join(f"{count} {split}" for split, count in self.left_out.items())
        named = ", ".join(self.missing[:_NAMED]) + (", …" if len(self.missing) > _NAMED else "")
        return [f"left out {counted} questions: {len(self.missing)} databases are missing ({named})"]

    def metrics(self) -> dict[str, float]:
        """How many questions of each split were left out, if any."""
        return {f"questions/left_out_{split}": float(count) for split, count in self.left_out.items()}

    def manifest(self) -> dict[str, Any]:
        """What the manifest says about it: nothing where nothing was left out."""
        if not self.left_out:
            return {}
        return {"left_out": {"questions": self.left_out, "databases": list(self.missing)}}


def without_missing(questions: Sequence[Question]) -> Questions:
    """The questions whose databases are there. Raises BadInput where none is."""
    there = {q.database: is_url(q.database) or Path(q.database).is_file() for q in questions}
    kept = [q for q in questions if there[q.database]]
    if questions and not kept:
        raise BadInput(f"all {len(there)} databases are missing, for example {questions[0].database}; check the folder")
    gone = [q for q in questions if not there[q.database]]
    return Questions(kept, "", dict(Counter(q.split for q in gone)), tuple(sorted({q.db_id for q in gone})))
