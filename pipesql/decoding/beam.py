"""Beam search under a constraint: several ways through an answer at once, the likeliest kept at every token.

A way's score is the log probability of its tokens among all tokens, the forbidden included: a way into a corner where
the constraint leaves only what the model finds unlikely loses its place to another (Scholak et al. 2021, PICARD). An
operator to which the judge objects ends its way; a weak objection costs `weak_cost`. A question is answered when none
of its ways is left within `MARGIN` of the best that ended; all that ended there are handed on, since several may return
the same rows.

A way that falls further than the margin behind the likeliest one at hand is dropped, too (threshold pruning, Freitag
and Al-Onaizan 2017), so that a question of which the model is sure goes on as a single row. Where that leads into a
corner, to an answer far less likely than what was dropped for it, the question is asked again and nothing dropped. Nor
does a query end where that lies further than the margin behind the first token that holds there, as if it were cut off
at a price, unless no way ends without it. A question whose likeliest way falls below `FLOOR` is answered with what
stood before the operator at hand.
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
from pipesql.decoding.answers import Decoded, Limits, OnAnswer
from pipesql.decoding.backtracking import Guide, Mask
from pipesql.decoding.batch import Batch
from pipesql.decoding.sampling import choose

MARGIN = 5.0
"""Nats. A text so far behind the best weighs less than a hundredth of it."""
FLOOR = -25.0
"""Nats. Ways that find no end, in a text that goes on and on, are followed no further down. Of version 3's right
answers to the 424 questions on held-out train databases (docs/results) the least likely had -18."""


@dataclass
class Beam:
    """One way. `ids` are the tokens of the operator at hand; `newest`, a marker maybe, is the token not read yet."""

    question: Search
    mask: Mask
    operators: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    score: float = 0.0
    newest: int = -1


@dataclass
class Search:
    """All ways of one question, and what has ended: (score, operators)."""

    index: int
    margin: float = MARGIN
    """How far ways may fall behind the likeliest at hand."""
    ending: float = MARGIN
    """How far an end of the query may lie behind the first token that holds at its place."""
    ended: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    fallback: tuple[float, tuple[str, ...], str] = (float("-inf"), (), "")
    """The likeliest way that was given up, of those with an operator if there is one: its operators before the one with
    an objection, and the objection."""
    tokens: int = 0
    switches: int = 0
    """Ways that were given up for an objection."""
    dropped: float = float("-inf")
    """The score of the likeliest way that was dropped for one at hand."""

    @property
    def best(self) -> float:
        """The score of the likeliest way that ended."""
        return max((score for score, _ in self.ended), default=float("-inf"))


@dataclass(order=True)
class _Step:
    """A token that may come next: the likeliest first."""

    cost: float
    number: int
    row: int = field(compare=False)
    token: int = field(compare=False)
    judged: bool = field(compare=False, default=False)


class BeamReading:
    """Takes tokens into ways by the rules above; `on_answer` gets every answer."""

    def __init__(
        self,
        tokenizer: Any,
        guide: Guide,
        limits: Limits,
        on_answer: OnAnswer,
        width: int,
        ask_again: Callable[[int], None],
    ) -> None:
        """`ask_again` is called with the index of a prompt that must be read a second time."""
        self._tokenizer, self._guide, self._limits, self._on_answer = tokenizer, guide, limits, on_answer
        self._marks, self.rows_a_prompt = markers(tokenizer), width
        self._ask_again, self._again = ask_again, dict[int, Search]()

    def row(self, index: int) -> Beam:
        """The first way of a prompt."""
        search = self._again.pop(index, None) or Search(index)
        return Beam(search, self._guide.mask_of(index, ()))

    def take(self, rows: list[Beam], batch: Batch) -> list[Beam]:
        """Spread every way to its likeliest next tokens and keep the best of each question."""
        allowed = np.stack([row.mask.allowed() for row in rows])
        generator = torch.Generator()
        width = self.rows_a_prompt
        found = choose(batch.logits, allowed, [0.0] * len(rows), [generator] * len(rows), width + 1)
        parents: list[int] = []
        alive: list[Beam] = []
        questions: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            questions.setdefault(row.question.index, []).append(place)
        for places in questions.values():
            numbers = count()
            steps = [
                _Step(-(rows[place].score + candidate.score), next(numbers), place, candidate.token)
                for place in places
                for candidate in found[place]
            ]
            kept = self._best(rows, steps, numbers)
            if not kept:
                self._answer(rows[places[0]].question)
                continue
            parents += [place for place, _ in kept]
            alive += [beam for _, beam in kept]
        alive = [alive[place] for place in batch.keep(parents)]
        for place, beam in enumerate(alive):
            batch.tokens[place] = beam.newest
        return alive

    def _best(self, rows: Sequence[Beam], steps: list[_Step], numbers: Any) -> list[tuple[int, Beam]]:
        """(parent, way) of the likeliest steps that hold; those that end the query are noted as ended."""
        heapq.heapify(steps)
        kept: list[tuple[int, Beam]] = []
        first: dict[int, float] = {}
        while steps and len(kept) < self.rows_a_prompt:
            step = heapq.heappop(steps)
            parent = rows[step.row]
            search, score = parent.question, -step.cost
            if score < FLOOR:
                self._give_up(search, parent, f"all that can follow is less likely than {FLOOR:g} nats")
                break
            # Steps come likeliest first, and a score only falls: what is too far behind what ended stays there.
            if score < search.best - MARGIN:
                break
            # Rather a long answer of many doubtful words than `FROM t`, cut off where nobody would end.
            if step.token == self._marks.end and score < first.get(step.row, score) - search.ending:
                continue
            if kept and score < kept[0][1].score - search.margin:
                search.dropped = max(search.dropped, score)
                break
            search.tokens += 1
            if step.token not in (self._marks.step, self._marks.end):
                if child := self._longer(parent, step.token, score):
                    kept.append((step.row, child))
                    first.setdefault(step.row, score)
                continue
            whole = step.token == self._marks.end
            operators = (*parent.operators, operator_text(self._tokenizer, list(parent.ids)).strip())
            objection = None if step.judged else self._guide.judge(search.index, operators, whole)
            if objection is not None and objection.weak:
                cost = step.cost + self._guide.weak_cost
                heapq.heappush(steps, _Step(cost, next(numbers), step.row, step.token, judged=True))
            elif objection is not None:
                self._give_up(search, parent, objection.reason)
            else:
                first.setdefault(step.row, score)
                if whole:
                    search.ended.append((score, operators))
                    continue
                mask = self._guide.mask_of(search.index, operators)
                kept.append((step.row, Beam(search, mask, operators, (), score, step.token)))
        return kept

    def _longer(self, parent: Beam, token: int, score: float) -> Beam | None:
        """The way with one more token of its operator."""
        mask = parent.mask.copy()
        error = mask.take(token)
        if len(parent.ids) + 1 >= self._limits.operator_tokens:
            error = error or f"an operator does not end within {self._limits.operator_tokens} tokens"
        if error:
            self._give_up(parent.question, parent, error)
            return None
        return Beam(parent.question, mask, parent.operators, (*parent.ids, token), score, token)

    def _give_up(self, search: Search, parent: Beam, reason: str) -> None:
        search.switches += 1
        score, operators, _ = search.fallback
        # Without an operator there is no query, however likely the way.
        if (bool(parent.operators), parent.score, parent.operators) > (bool(operators), score, operators):
            search.fallback = (parent.score, parent.operators, reason)

    def _answer(self, search: Search) -> None:
        if search.ended:
            (score, operators), *others = sorted(search.ended, reverse=True)
            rest = tuple(Decoded(o, "done", "", 0, s) for s, o in others if s >= score - MARGIN)
            decoded = Decoded(operators, "done", "", search.tokens, score, search.switches, rest)
        else:
            score, operators, reason = search.fallback
            detail = f"operator {len(operators) + 1} was given up: {reason}"
            stop = "done" if operators else "invalid"
            decoded = Decoded(operators, stop, detail, search.tokens, score, search.switches)
        if (wider := self._wider(search, score)) is not None:
            self._again[search.index] = wider
            self._ask_again(search.index)
            return
        self._guide.on_operators(search.index, decoded.operators)
        self._on_answer(search.index, decoded)

    def _wider(self, search: Search, score: float) -> Search | None:
        """The search to do instead of one that led into a corner, or None where it did not."""
        if not search.ended:
            wider = Search(search.index, math.inf, math.inf, tokens=search.tokens)
            return wider if search.ending < math.inf else None
        # What was dropped would have fallen further, too.
        if search.dropped <= score + MARGIN:
            return None
        return Search(search.index, math.inf, search.ending, tokens=search.tokens)
