"""Ways through an answer: tokens with what they cost, and the branches that were not taken, the cheapest first.

The cost of a way is its regret: the sum, over its tokens, of how much less likely each was than the model's own choice
at that place. Greedy decoding costs nothing until a constraint forbids what the model would say; then a branch further
back, where the model was less sure, may be the cheaper way (limited discrepancy search, Harvey and Ginsberg 1995, with
discrepancies weighed by their likelihood).

Decoding under a constraint: no operator that cannot stand, and a way back out of one that turns out wrong.

Every token is chosen among those that the constraint allows (`constraint.mask`). A finished operator goes to the judge,
which resolves it and may execute it. There are three reasons to leave a way for the cheapest branch (`search`):

- the judge objects to the operator;
- the judge objects weakly: the operator holds, but leaves no row. That adds to the way's cost;
- the constraint forbade what the model was set on, so that another way has become cheaper by `margin`.

What was read behind the place where the ways part is forgotten, and the way that was left stays a branch. After so many
switches (`Limits.switches`) a way is followed to its end; an operator to which there is an objection is then given up:
the query ends before it, and that is an answer, since every prefix of a pipe query is a query.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
import torch

from pipesql.chat.template import markers, operator_text
from pipesql.decoding.answers import Decoded, Limits, OnAnswer
from pipesql.decoding.batch import Batch
from pipesql.decoding.sampling import Candidate, choose

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


UNREPEATED = 24
"""In an operator that does not end, branches are looked for among so many first tokens."""


@dataclass(frozen=True)
class Objection:
    """Why an operator should not stand; `weak`: it may, if no other does better; `late`: it ran past its deadline."""

    reason: str
    weak: bool = False
    late: bool = False


class Mask(Protocol):
    """What may come next in an operator (`constraint.mask.OperatorMask`)."""

    def allowed(self) -> Any: ...

    def take(self, token: int) -> str | None: ...

    def copy(self) -> Self: ...


@dataclass(frozen=True)
class Guide:
    """What guides decoding.

    `mask_of` (index of the prompt, operators so far) gives the mask of the next operator; `judge` (the same, and
    whether the query is whole) an objection to the last operator, or None. At a `temperature` (of the index) of 0 the
    likeliest token is taken, above it one is drawn, by a generator that `seed` and the index decide. `margin` and
    `weak_cost` are in nats: by how much another way must be cheaper, and what a weak objection costs.
    """

    mask_of: Callable[[int, Sequence[str]], Mask]
    judge: Callable[[int, Sequence[str], bool], Objection | None]
    temperature: Callable[[int], float] = lambda index: 0.0
    seed: int = 0
    margin: float = 1.0
    weak_cost: float = 2.0
    on_operators: Callable[[int, Sequence[str]], None] = lambda index, operators: None
    """Called with the index and the operators so far whenever one is finished, or some are taken back."""


@dataclass
class GuidedRow:
    """A query in the making. All tokens of `way` but the newest were read; `starts` are the places where its operators
    begin, the one at hand included."""

    index: int
    generator: torch.Generator
    mask: Mask
    way: list[Candidate] = field(default_factory=list)
    cost: float = 0.0
    operators: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    branches: Branches = field(default_factory=Branches)
    ahead: list[Candidate] = field(default_factory=list)
    """What is left of a branch that is being followed, last first."""
    tokens: int = 0
    switches: int = 0
    done: bool = False


class GuidedReading:
    """Takes tokens into rows by the rules above; `on_answer` gets every answer."""

    def __init__(self, tokenizer: Any, guide: Guide, limits: Limits, on_answer: OnAnswer) -> None:
        self._tokenizer, self._guide, self._limits, self._on_answer = tokenizer, guide, limits, on_answer
        self._marks = markers(tokenizer)

    rows_a_prompt = 1

    def row(self, index: int) -> GuidedRow:
        """A new row for the prompt of that index."""
        generator = torch.Generator().manual_seed(self._guide.seed * 1_000_003 + index)
        return GuidedRow(index, generator, self._guide.mask_of(index, ()))

    def take(self, rows: list[GuidedRow], batch: Batch) -> list[GuidedRow]:
        """Choose the batch's next tokens and take them into its rows; finished ones leave both."""
        allowed = np.stack([row.mask.allowed() for row in rows])
        temperatures = [self._guide.temperature(row.index) for row in rows]
        found = choose(batch.logits, allowed, temperatures, [row.generator for row in rows])
        alive = []
        for place, (row, candidates) in enumerate(zip(rows, found, strict=True)):
            read = len(row.way)
            kept = self._take_one(row, candidates)
            if not row.done:
                if kept < read:
                    batch.forget(place, read - kept)
                batch.tokens[place] = row.way[-1].token
                alive.append(place)
        if len(alive) < len(rows):
            alive = [alive[place] for place in batch.keep(alive)]
        return [rows[place] for place in alive]

    def _take_one(self, row: GuidedRow, candidates: Sequence[Candidate]) -> int:
        """Take one token, of another way where this one turns out wrong; how many of those read before still stand."""
        kept = len(row.way)
        token = None
        if row.ahead:
            token = row.ahead.pop()
        elif candidates:
            token, *others = candidates
            for other in others:
                row.branches.add(row.cost + other.regret, (*row.way, other))
        while True:
            objection = self._add(row, token) if token else Objection("nothing can follow here")
            may_switch = row.switches < self._limits.switches and row.branches.cheapest < float("inf")
            if objection is None:
                # A sample is drawn at a cost: no reason to leave it.
                margin = self._guide.margin if self._guide.temperature(row.index) == 0 else float("inf")
                dearer = row.cost > row.branches.cheapest + margin
                if not (dearer and may_switch) or row.ahead:
                    break
                row.branches.add(row.cost, tuple(row.way))
            elif not may_switch:
                self._give_up(row, objection)
                return kept
            row.switches += 1
            branch = row.branches.take()
            kept = min(kept, common_beginning(row.way, branch))
            self._go_back(row, kept)
            row.ahead = list(branch[kept:])[::-1]
            token = row.ahead.pop()
        if row.way[-1].token == self._marks.end:
            self._finish(row, "done", "")
        return kept

    def _add(self, row: GuidedRow, token: Candidate) -> Objection | None:
        """Append a token; a marker ends the operator. Where there is an objection the way cannot go on from here."""
        row.tokens += 1
        row.way.append(token)
        row.cost += token.regret
        if token.token in (self._marks.step, self._marks.end):
            return self._end_operator(row, token.token == self._marks.end)
        if error := row.mask.take(token.token):
            return Objection(error)
        if len(row.way) - row.starts[-1] >= self._limits.operator_tokens:
            # A model that repeats itself would do so again behind every branch of the repetition.
            row.branches.forget(row.way[: row.starts[-1] + UNREPEATED])
            return Objection(f"an operator does not end within {self._limits.operator_tokens} tokens")
        return None

    def _end_operator(self, row: GuidedRow, whole: bool) -> Objection | None:
        operators = [*row.operators, self._text(row)]
        objection = self._guide.judge(row.index, operators, whole)
        if objection is not None and not objection.weak:
            return objection
        if objection is not None:
            row.cost += self._guide.weak_cost
        row.operators = operators
        row.starts.append(len(row.way))
        self._guide.on_operators(row.index, operators)
        if not whole:
            row.mask = self._guide.mask_of(row.index, operators)
        return None

    def _text(self, row: GuidedRow) -> str:
        ids = [c.token for c in row.way[row.starts[-1] :] if c.token not in (self._marks.step, self._marks.end)]
        return operator_text(self._tokenizer, ids).strip()

    def _go_back(self, row: GuidedRow, kept: int) -> None:
        """Make the row what it was after its first `kept` tokens."""
        way, row.way, row.cost = row.way[:kept], [], 0.0
        ended = sum(start <= kept for start in row.starts[1:])
        if ended < len(row.operators):
            self._guide.on_operators(row.index, row.operators[:ended])
        row.operators, row.starts = row.operators[:ended], row.starts[: ended + 1]
        row.mask = self._guide.mask_of(row.index, row.operators)
        for place, token in enumerate(way):
            row.way.append(token)
            row.cost += token.regret
            if place >= row.starts[-1]:
                row.mask.take(token.token)
        for number in range(1, ended + 1):
            if self._guide.judge(row.index, row.operators[:number], False):
                row.cost += self._guide.weak_cost

    def _give_up(self, row: GuidedRow, objection: Objection) -> None:
        """End the query before the operator that finds no way."""
        if row.operators:
            self._finish(row, "done", f"operator {len(row.operators) + 1} was given up: {objection.reason}")
            return
        row.operators = [self._text(row)]
        self._finish(row, "invalid", objection.reason)

    def _finish(self, row: GuidedRow, stop: str, detail: str) -> None:
        row.done = True
        score = sum(token.score for token in row.way)
        self._on_answer(row.index, Decoded(tuple(row.operators), stop, detail, row.tokens, score, row.switches))
