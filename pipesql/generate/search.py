"""Ways through an answer: tokens with what they cost, and the branches that were not taken, the cheapest first.

The cost of a way is its regret: the sum, over its tokens, of how much less likely each was than the model's own choice
at that place. Greedy decoding costs nothing until a constraint forbids what the model would say; then a branch further
back, where the model was less sure, may be the cheaper way (limited discrepancy search, Harvey and Ginsberg 1995, with
discrepancies weighed by their likelihood).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipesql.generate.choose import Candidate

Way = tuple[Candidate, ...]
"""An answer, or the beginning of one, from its first token on."""


@dataclass
class Branches:
    """Ways not taken, each with its cost. Of equal cost the newest comes first."""

    _heap: list[tuple[float, int, Way]] = field(default_factory=list)
    _count: int = 0

    def add(self, cost: float, way: Way) -> None:
        self._count += 1
        heapq.heappush(self._heap, (cost, -self._count, way))

    def forget(self, way: Sequence[Candidate]) -> None:
        """Remove those that begin with all of `way`."""
        self._heap = [entry for entry in self._heap if common_beginning(entry[2], way) < len(way)]
        heapq.heapify(self._heap)

    @property
    def cheapest(self) -> float:
        """The cost of the cheapest; infinite where there is none."""
        return self._heap[0][0] if self._heap else float("inf")

    def take(self) -> Way:
        """Remove the cheapest and return it."""
        return heapq.heappop(self._heap)[2]


def common_beginning(one: Sequence[Candidate], other: Sequence[Candidate]) -> int:
    """How many first tokens two ways share."""
    return next(_differences(one, other), min(len(one), len(other)))


def _differences(one: Sequence[Candidate], other: Sequence[Candidate]) -> Iterator[int]:
    return (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a.token != b.token)
