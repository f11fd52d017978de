"""What a run remembers beyond its checkpoints: how often it went back, which data it leaves out, how far the rate fell.

A checkpoint cannot hold this: the fault shows after it was written. So it is a file of its own beside the checkpoints,
and what is done after a rewind and after a kill is the same.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput
from pipesql.records import write_json

FILE = "recovery.json"


class RewindNeeded(Exception):
    """Raised inside the training loop: the weights are no longer good. Never leaves `finetune.train`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        """The optimizer step that gave the reason; it was not taken."""
        self.reason = reason


@dataclass(frozen=True)
class Rewind:
    """One return to a checkpoint: the step that gave the reason, the step gone back to, the rows left out since."""

    step: int
    back_to: int
    reason: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Recovery:
    """All returns so far, in order. `rows` number the training data in the order that the seed laid out."""

    rewinds: tuple[Rewind, ...] = ()

    @property
    def left_out(self) -> frozenset[int]:
        """Rows that training leaves out."""
        return frozenset(row for rewind in self.rewinds for row in rewind.rows)

    def rate(self, factor: float) -> float:
        """By how much the recipe's learning rate is multiplied now."""
        return factor ** len(self.rewinds)

    def fruitless(self) -> int:
        """How many of the last returns were made without coming further than the one before."""
        pairs = reversed(list(itertools.pairwise(self.rewinds)))
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[1].step <= pair[0].step, pairs))

    def after(self, rewind: Rewind) -> Recovery:
        """The record with another return."""
        return dataclasses.replace(self, rewinds=(*self.rewinds, rewind))

    def write(self, folder: Path) -> None:
        """Write it into the folder of the run, whole or not at all."""
        write_json(folder / FILE, dataclasses.asdict(self))


def read_recovery(folder: Path) -> Recovery:
    """The record of a run's folder; an empty one where it never went back. Raises BadInput for a damaged file."""
    path = folder / FILE
    if not path.is_file():
        return Recovery()
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rewinds"]
        return Recovery(tuple(Rewind(r["step"], r["back_to"], r["reason"], tuple(r["rows"])) for r in rows))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInput(f"{path} is no record of rewinds ({e}): remove it to go on without, or train anew") from e
