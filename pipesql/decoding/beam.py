"""Beam search under a constraint: several hypotheses for an answer at once, the most likely kept at every token.

A hypothesis is ranked by the log probability of its tokens among all tokens, the forbidden ones included: where the
mask leaves only what the model finds unlikely, it loses its place to another (Scholak et al. 2021, PICARD). An operator
that the constraint's check objects to ends its hypothesis; a weak objection costs `weak_cost`. A question is answered
when none of its hypotheses is left within `MARGIN` of the best one that ended; all that ended there are returned, since
several may return the same rows.

A hypothesis that falls further than the margin behind the most likely one is dropped, too (threshold pruning, Freitag
and Al-Onaizan 2017), so that a question of which the model is sure continues as a single row. Where that ends in an
answer far less likely than what was dropped for it, the question is searched again and nothing dropped. A query may
not end either where its end lies further than the margin behind the first token that holds there, as if it were cut
off at a price, unless no hypothesis ends without it. A question whose most likely hypothesis falls below `FLOOR` is
answered with the operators before the unfinished one.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch

from pipesql.chat.template import markers, operator_text
from pipesql.decoding.batch import Batch
from pipesql.decoding.sampling import choose
from pipesql.decoding.types import Constraint, Decoded, DecodeLimits, Mask, OnAnswer

MARGIN = 5.0
"""Nats. A text so far behind the best weighs less than a hundredth of it."""
FLOOR = -25.0
"""Nats. Hypotheses below it, texts that go on without an end, are not followed. Of version 3's right answers to the 424
questions on held-out train databases (docs/results) the least likely had -18."""


@dataclass
class Hypothesis:
    """One hypothesis of a beam. `ids` are the tokens of its unfinished operator; `newest`, possibly a marker, is the
    token that the model has not read yet."""

    beam: Beam
    mask: Mask
    operators: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    logprob: float = 0.0
    newest: int = -1


@dataclass
class Beam:
    """The search for one answer, and what has ended: (logprob, operators)."""

    index: int
    margin: float = MARGIN
    """How far hypotheses may fall behind the most likely one, in nats."""
    ending: float = MARGIN
    """How far an end of the query may lie behind the first token that holds at its place, in nats."""
    ended: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    fallback: tuple[float, tuple[str, ...], str] = (float("-inf"), (), "")
    """The most likely abandoned hypothesis, preferring one with at least one finished operator: its logprob, its
    operators before the one with an objection, and the objection."""
    tokens: int = 0
    backtracks: int = 0
    """Hypotheses that were abandoned for an objection."""
    dropped: float = float("-inf")
    """The log probability of the most likely hypothesis that was dropped for another one."""

    @property
    def best(self) -> float:
        """The log probability of the most likely hypothesis that ended."""
        return max((logprob for logprob, _ in self.ended), default=float("-inf"))


@dataclass(order=True)
class _Step:
    """A token that may come next: the most likely first."""

    cost: float
    number: int
    row: int = field(compare=False)
    token: int = field(compare=False)
    checked: bool = field(compare=False, default=False)


class BeamSearch:
    """The strategy that takes tokens into hypotheses by the rules above; `on_answer` gets every answer."""

    def __init__(
        self,
        tokenizer: Any,
        constraint: Constraint,
        limits: DecodeLimits,
        on_answer: OnAnswer,
        width: int,
        search_again: Callable[[int], None],
    ) -> None:
        """`search_again` is called with the index of a prompt that must be read a second time."""
        self._tokenizer, self._constraint, self._limits = tokenizer, constraint, limits
        self._on_answer, self._marks, self.rows_per_prompt = on_answer, markers(tokenizer), width
        self._search_again, self._again = search_again, dict[int, Beam]()

    def row(self, index: int) -> Hypothesis:
        """The first hypothesis of a prompt."""
        beam = self._again.pop(index, None) or Beam(index)
        return Hypothesis(beam, self._constraint.mask_of(index, ()))

    def take(self, rows: list[Hypothesis], batch: Batch) -> list[Hypothesis]:
        """Extend every hypothesis by its most likely next tokens and keep the best of each beam."""
        allowed = np.stack([row.mask.allowed() for row in rows])
        generator = torch.Generator()
        width = self.rows_per_prompt
        found = choose(batch.logits, allowed, [0.0] * len(rows), [generator] * len(rows), width + 1)
        parents: list[int] = []
        alive: list[Hypothesis] = []
        beams: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            beams.setdefault(row.beam.index, []).append(place)
        for places in beams.values():
            numbers = count()
            steps = [
                _Step(-(rows[place].logprob + candidate.logprob), next(numbers), place, candidate.token)
                for place in places
                for candidate in found[place]
            ]
            kept = self._best(rows, steps, numbers)
            if not kept:
                self._answer(rows[places[0]].beam)
                continue
            parents += [place for place, _ in kept]
            alive += [hypothesis for _, hypothesis in kept]
        alive = [alive[place] for place in batch.keep(parents)]
        for place, hypothesis in enumerate(alive):
            batch.tokens[place] = hypothesis.newest
        return alive

    def _best(self, rows: Sequence[Hypothesis], steps: list[_Step], numbers: Any) -> list[tuple[int, Hypothesis]]:
        """(parent, hypothesis) of the most likely steps that hold; those that end the query are noted as ended."""
        heapq.heapify(steps)
        kept: list[tuple[int, Hypothesis]] = []
        first: dict[int, float] = {}
        while steps and len(kept) < self.rows_per_prompt:
            step = heapq.heappop(steps)
            parent = rows[step.row]
            beam, logprob = parent.beam, -step.cost
            if logprob < FLOOR:
                self._give_up(beam, parent, f"all that can follow is less likely than {FLOOR:g} nats")
                break
            # Steps come in order of probability, which only falls: what is too far behind what ended stays there.
            if logprob < beam.best - MARGIN:
                break
            # Rather a long answer of many doubtful words than `FROM t`, cut off where nobody would end.
            if step.token == self._marks.end and logprob < first.get(step.row, logprob) - beam.ending:
                continue
            if kept and logprob < kept[0][1].logprob - beam.margin:
                beam.dropped = max(beam.dropped, logprob)
                break
            beam.tokens += 1
            if step.token not in (self._marks.step, self._marks.end):
                if child := self._longer(parent, step.token, logprob):
                    kept.append((step.row, child))
                    first.setdefault(step.row, logprob)
                continue
            whole = step.token == self._marks.end
            operators = (*parent.operators, operator_text(self._tokenizer, list(parent.ids)).strip())
            objection = None if step.checked else self._constraint.check(beam.index, operators, whole)
            if objection is not None and objection.weak:
                cost = step.cost + self._constraint.weak_cost
                heapq.heappush(steps, _Step(cost, next(numbers), step.row, step.token, checked=True))
            elif objection is not None:
                self._give_up(beam, parent, objection.reason)
            else:
                first.setdefault(step.row, logprob)
                if whole:
                    beam.ended.append((logprob, operators))
                    continue
                mask = self._constraint.mask_of(beam.index, operators)
                kept.append((step.row, Hypothesis(beam, mask, operators, (), logprob, step.token)))
        return kept

    def _longer(self, parent: Hypothesis, token: int, logprob: float) -> Hypothesis | None:
        """The hypothesis with one more token in its operator."""
        mask = parent.mask.copy()
        error = mask.take(token)
        if len(parent.ids) + 1 >= self._limits.operator_tokens:
            error = error or f"an operator does not end within {self._limits.operator_tokens} tokens"
        if error:
            self._give_up(parent.beam, parent, error)
            return None
        return Hypothesis(parent.beam, mask, parent.operators, (*parent.ids, token), logprob, token)

    def _give_up(self, beam: Beam, parent: Hypothesis, reason: str) -> None:
        beam.backtracks += 1
        logprob, operators, _ = beam.fallback
        # Without an operator there is no query, however likely the hypothesis.
        if (bool(parent.operators), parent.logprob, parent.operators) > (bool(operators), logprob, operators):
            beam.fallback = (parent.logprob, parent.operators, reason)

    def _answer(self, beam: Beam) -> None:
        if beam.ended:
            (logprob, operators), *others = sorted(beam.ended, reverse=True)
            rest = tuple(Decoded(o, "done", "", 0, p) for p, o in others if p >= logprob - MARGIN)
            decoded = Decoded(operators, "done", "", beam.tokens, logprob, beam.backtracks, rest)
        else:
            logprob, operators, reason = beam.fallback
            detail = f"operator {len(operators) + 1} was given up: {reason}"
            stop = "done" if operators else "invalid"
            decoded = Decoded(operators, stop, detail, beam.tokens, logprob, beam.backtracks)
        if (wider := self._wider(beam, logprob)) is not None:
            self._again[beam.index] = wider
            self._search_again(beam.index)
            return
        self._constraint.on_operators(beam.index, decoded.operators)
        self._on_answer(beam.index, decoded)

    def _wider(self, beam: Beam, logprob: float) -> Beam | None:
        """The search to repeat a question with when the pruned one ended badly, or None where it did not."""
        if not beam.ended:
            wider = Beam(beam.index, math.inf, math.inf, tokens=beam.tokens)
            return wider if beam.ending < math.inf else None
        # What was dropped would have fallen further, too.
        if beam.dropped <= logprob + MARGIN:
            return None
        return Beam(beam.index, math.inf, beam.ending, tokens=beam.tokens)
