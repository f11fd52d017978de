"""Constrained decoding with backtracking: invalid operators are not written, and wrong ones are taken back.

Every token is chosen among those that the constraint's mask allows. A finished operator goes to the constraint's check,
which resolves it and may execute it. The current hypothesis is left for the cheapest alternative when

- the check objects to an operator;
- the check objects weakly (the operator holds, but leaves no row), which adds to the cost of the hypothesis;
- the mask forbade what the model was set on, so that an alternative has become cheaper by `margin`.

The cost of a hypothesis is its regret: the sum, over its tokens, of how much less likely each was than the model's own
choice at that place. Greedy decoding costs nothing until the mask forbids what the model would write; then an
alternative further back, where the model was less sure, may be cheaper (limited discrepancy search, Harvey and Ginsberg
1995, with discrepancies weighed by their likelihood).

The tokens after the place where two hypotheses diverge are forgotten, and the hypothesis that was left stays an
alternative. After `DecodeLimits.backtracks` changes the current one is followed to its end; an operator that still
meets an objection is then given up. The query ends before it, which is an answer, since every prefix of a pipe query
is a query.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pipesql.chat.template import common_prefix, markers, operator_text
from pipesql.decoding.batch import Batch
from pipesql.decoding.sampling import Candidate, choose
from pipesql.decoding.types import Constraint, Decoded, DecodeLimits, Mask, Objection, OnAnswer

Hypothesis = tuple[Candidate, ...]
"""An answer, or the beginning of one, from its first token on."""

UNREPEATED = 24
"""Tokens from the start of an operator that does not end among which alternatives are still looked for."""


@dataclass
class Alternatives:
    """Hypotheses not taken, each with its cost. Of equal cost the newest comes first."""

    _heap: list[tuple[float, int, Hypothesis]] = field(default_factory=list)
    _count: int = 0

    def add(self, cost: float, hypothesis: Hypothesis) -> None:
        self._count += 1
        heapq.heappush(self._heap, (cost, -self._count, hypothesis))

    def forget(self, beginning: Sequence[Candidate]) -> None:
        """Remove those that begin with all of `beginning`."""
        self._heap = [entry for entry in self._heap if shared_tokens(entry[2], beginning) < len(beginning)]
        heapq.heapify(self._heap)

    @property
    def cheapest(self) -> float:
        """The cost of the cheapest; infinite where there is none."""
        return self._heap[0][0] if self._heap else float("inf")

    def take(self) -> Hypothesis:
        """Remove the cheapest and return it."""
        return heapq.heappop(self._heap)[2]


def shared_tokens(one: Sequence[Candidate], other: Sequence[Candidate]) -> int:
    """How many first tokens two hypotheses share."""
    return common_prefix([[candidate.token for candidate in hypothesis] for hypothesis in (one, other)])


@dataclass
class Row:
    """An unfinished query. The model has read all tokens of `hypothesis` but the newest; `starts` are the places where
    its operators begin, the unfinished one included."""

    index: int
    generator: torch.Generator
    mask: Mask
    hypothesis: list[Candidate] = field(default_factory=list)
    cost: float = 0.0
    operators: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    alternatives: Alternatives = field(default_factory=Alternatives)
    ahead: list[Candidate] = field(default_factory=list)
    """The rest of an alternative that is being followed, last token first."""
    tokens: int = 0
    backtracks: int = 0
    done: bool = False


class Backtracking:
    """The strategy that takes tokens into rows by the rules above; `on_answer` gets every answer."""

    rows_per_prompt = 1

    def __init__(self, tokenizer: Any, constraint: Constraint, limits: DecodeLimits, on_answer: OnAnswer) -> None:
        self._tokenizer, self._constraint, self._limits = tokenizer, constraint, limits
        self._on_answer, self._marks = on_answer, markers(tokenizer)

    def row(self, index: int) -> Row:
        """A new row for the prompt of that index."""
        generator = torch.Generator().manual_seed(self._constraint.seed * 1_000_003 + index)
        return Row(index, generator, self._constraint.mask_of(index, ()))

    def take(self, rows: list[Row], batch: Batch) -> list[Row]:
        """Choose the batch's next tokens and take them into its rows; finished ones leave both."""
        allowed = np.stack([row.mask.allowed() for row in rows])
        temperatures = [self._constraint.temperature(row.index) for row in rows]
        found = choose(batch.logits, allowed, temperatures, [row.generator for row in rows])
        alive = []
        for place, (row, candidates) in enumerate(zip(rows, found, strict=True)):
            read = len(row.hypothesis)
            kept = self._take_one(row, candidates)
            if not row.done:
                if kept < read:
                    batch.forget(place, read - kept)
                batch.tokens[place] = row.hypothesis[-1].token
                alive.append(place)
        if len(alive) < len(rows):
            alive = [alive[place] for place in batch.keep(alive)]
        return [rows[place] for place in alive]

    def _take_one(self, row: Row, candidates: Sequence[Candidate]) -> int:
        """Take one token, of an alternative where the hypothesis turns out wrong; returns how many of the tokens read
        before still stand."""
        kept = len(row.hypothesis)
        token = None
        if row.ahead:
            token = row.ahead.pop()
        elif candidates:
            token, *others = candidates
            for other in others:
                row.alternatives.add(row.cost + other.regret, (*row.hypothesis, other))
        while True:
            objection = self._add(row, token) if token else Objection("nothing can follow here")
            may_backtrack = row.backtracks < self._limits.backtracks and row.alternatives.cheapest < float("inf")
            if objection is None:
                # A sample is drawn at a cost: no reason to leave it.
                margin = self._constraint.margin if self._constraint.temperature(row.index) == 0 else float("inf")
                dearer = row.cost > row.alternatives.cheapest + margin
                if not (dearer and may_backtrack) or row.ahead:
                    break
                row.alternatives.add(row.cost, tuple(row.hypothesis))
            elif not may_backtrack:
                self._give_up(row, objection)
                return kept
            row.backtracks += 1
            alternative = row.alternatives.take()
            kept = min(kept, shared_tokens(row.hypothesis, alternative))
            self._go_back(row, kept)
            row.ahead = list(alternative[kept:])[::-1]
            token = row.ahead.pop()
        if row.hypothesis[-1].token == self._marks.end:
            self._finish(row, "done", "")
        return kept

    def _add(self, row: Row, token: Candidate) -> Objection | None:
        """Append a token; a marker ends the operator. After an objection the hypothesis cannot continue."""
        row.tokens += 1
        row.hypothesis.append(token)
        row.cost += token.regret
        if token.token in (self._marks.step, self._marks.end):
            return self._end_operator(row, token.token == self._marks.end)
        if error := row.mask.take(token.token):
            return Objection(error)
        if len(row.hypothesis) - row.starts[-1] >= self._limits.operator_tokens:
            # A model that repeats itself would do so again after every alternative within the repetition.
            row.alternatives.forget(row.hypothesis[: row.starts[-1] + UNREPEATED])
            return Objection(f"an operator does not end within {self._limits.operator_tokens} tokens")
        return None

    def _end_operator(self, row: Row, whole: bool) -> Objection | None:
        operators = [*row.operators, self._text(row)]
        objection = self._constraint.check(row.index, operators, whole)
        if objection is not None and not objection.weak:
            return objection
        if objection is not None:
            row.cost += self._constraint.weak_cost
        row.operators = operators
        row.starts.append(len(row.hypothesis))
        self._constraint.on_operators(row.index, operators)
        if not whole:
            row.mask = self._constraint.mask_of(row.index, operators)
        return None

    def _text(self, row: Row) -> str:
        ids = [c.token for c in row.hypothesis[row.starts[-1] :] if c.token not in (self._marks.step, self._marks.end)]
        return operator_text(self._tokenizer, ids).strip()

    def _go_back(self, row: Row, kept: int) -> None:
        """Make the row what it was after its first `kept` tokens."""
        tokens, row.hypothesis, row.cost = row.hypothesis[:kept], [], 0.0
        ended = sum(start <= kept for start in row.starts[1:])
        if ended < len(row.operators):
            self._constraint.on_operators(row.index, row.operators[:ended])
        row.operators, row.starts = row.operators[:ended], row.starts[: ended + 1]
        row.mask = self._constraint.mask_of(row.index, row.operators)
        for place, token in enumerate(tokens):
            row.hypothesis.append(token)
            row.cost += token.regret
            if place >= row.starts[-1]:
                row.mask.take(token.token)
        for number in range(1, ended + 1):
            if self._constraint.check(row.index, row.operators[:number], False):
                row.cost += self._constraint.weak_cost

    def _give_up(self, row: Row, objection: Objection) -> None:
        """End the query before the operator that cannot be completed."""
        if row.operators:
            self._finish(row, "done", f"operator {len(row.operators) + 1} was given up: {objection.reason}")
            return
        row.operators = [self._text(row)]
        self._finish(row, "invalid", objection.reason)

    def _finish(self, row: Row, stop: str, detail: str) -> None:
        row.done = True
        logprob = sum(token.logprob for token in row.hypothesis)
        self._on_answer(row.index, Decoded(tuple(row.operators), stop, detail, row.tokens, logprob, row.backtracks))
