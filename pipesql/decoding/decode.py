"""Decoding of pipe queries, operator by operator, over one KV cache.

The model writes what it was trained on: an operator, the step marker, the next operator … and the end marker after
the last. Whenever a row ends an operator, the text so far goes to a `check`; an error ends that row at once, so no
token is spent behind a name that does not exist. Under a `constraint` no such token is written, and an operator that
does not hold is taken back (`backtracking`, `beam`). The model reads nothing twice: the cache grows across operators,
finished rows make room for waiting prompts (`batch`), and prompts that begin alike share their beginning
(`kv_cache`).

One rule reads every model, trained on the markers or not (`OperatorStream`): an operator ends at the step marker or at
a line break (pipe SQL has one operator a line), the answer at the end marker or where the model begins another turn.

To add a strategy, write a class with the three members of `Strategy` and choose it in `decode`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch

from pipesql.chat.template import START, markers, operator_text
from pipesql.decoding.batch import Batch
from pipesql.decoding.kv_cache import PrefixCache, shared_lengths
from pipesql.decoding.types import Check, Constraint, Decoded, DecodeLimits, OnAnswer
from pipesql.errors import InvalidOption

Row = TypeVar("Row")


class Strategy(Protocol[Row]):
    """Makes answers of a batch's tokens; one prompt becomes up to `rows_per_prompt` rows."""

    rows_per_prompt: int

    def row(self, index: int) -> Row: ...

    def take(self, rows: list[Row], batch: Batch) -> list[Row]: ...


def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    check: Check,
    *,
    limits: DecodeLimits | None = None,
    batch: int = 16,
    constraint: Constraint | None = None,
    beams: int = 1,
    on_answer: OnAnswer | None = None,
) -> list[Decoded]:
    """Answer every prompt (token ids); answers in the order of the prompts, each also given to `on_answer`.

    Without a `constraint` decoding is greedy and free, and `check` sees every operator; with one, the constraint's own
    check does, and more than one of `beams` search for the most likely answer. `batch` is the number of rows decoded
    together; answers do not depend on it (up to the rounding of floats). Raises InvalidOption for an empty prompt or a
    batch below 1.
    """
    if batch < 1:
        raise InvalidOption(f"batch is {batch}: decoding needs at least 1 row")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise InvalidOption(f"prompt {index} is empty; every prompt needs at least one token")
    answers: dict[int, Decoded] = {}

    def finish(index: int, answer: Decoded) -> None:
        answers[index] = answer
        if on_answer is not None:
            on_answer(index, answer)

    limits = limits or DecodeLimits()
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            waiting = deque[int]()
            if constraint is None:
                _run(model, prompts, OperatorStream(tokenizer, check, limits, finish), batch, waiting)
            elif beams > 1:
                from pipesql.decoding.beam import BeamSearch

                search = BeamSearch(tokenizer, constraint, limits, finish, beams, waiting.append)
                _run(model, prompts, search, batch, waiting)
            else:
                from pipesql.decoding.backtracking import Backtracking

                _run(model, prompts, Backtracking(tokenizer, constraint, limits, finish), batch, waiting)
    finally:
        model.train(was_training)
    return [answers[i] for i in range(len(prompts))]


def _run(
    model: Any, prompts: Sequence[Sequence[int]], strategy: Strategy[Row], batch: int, waiting: deque[int]
) -> None:
    """Answer every prompt, and again those that `strategy` puts into `waiting`."""
    order, shared = shared_lengths(prompts)
    prefixes = PrefixCache(model)
    waiting.extend(order)
    rows: list[Row] = []
    flight: Batch | None = None
    while rows or waiting:
        # Joining costs a copy of the cache, so wait until a quarter of the batch is free.
        if flight is None or (waiting and 4 * (batch - len(rows)) >= batch):
            room = max(1, (batch - len(rows)) // strategy.rows_per_prompt)
            chosen = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            fresh = Batch(model, prefixes, [(prompts[index], shared[index]) for index in chosen])
            new = strategy.take([strategy.row(index) for index in chosen], fresh)
            if flight is None or not rows:
                flight = fresh
            else:
                flight.join(fresh)
            rows += new
        else:
            flight.step()
            rows = strategy.take(rows, flight)


@dataclass
class StreamRow:
    """An unfinished query.

    `ids` are the tokens since the last marker, of whose text the first `taken` characters (finished lines) belong to
    earlier operators; `begun` is the number of tokens at which the unfinished operator began.
    """

    index: int
    operators: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    taken: int = 0
    tokens: int = 0
    begun: int = 0


def read_answer(tokenizer: Any, ids: Sequence[int], limits: DecodeLimits | None = None) -> Decoded:
    """Read an answer that was already generated by the rule of `decode`, without checking its operators.

    `ids` are its tokens behind the prompt; what follows its end is ignored. `stop` is `length` where they end before
    the answer does, and `invalid` where it is empty.
    """
    finished: list[Decoded] = []

    def finish(index: int, answer: Decoded) -> None:
        finished.append(answer)

    stream = OperatorStream(tokenizer, lambda index, operators: None, limits or DecodeLimits(), finish)
    row = stream.row(0)
    for token in ids:
        if not stream.add(row, token):
            return finished[0]
    rest = stream.text(row)
    return Decoded((*row.operators, *([rest] if rest else [])), "length", "the answer does not end", row.tokens)


class OperatorStream:
    """The strategy of free, greedy decoding: takes the tokens of one call of `decode` into rows; `on_answer` gets every
    answer."""

    rows_per_prompt = 1

    def __init__(self, tokenizer: Any, check: Check, limits: DecodeLimits, on_answer: OnAnswer) -> None:
        self._tokenizer, self._check, self._limits, self._on_answer = tokenizer, check, limits, on_answer
        self._step = markers(tokenizer).step
        self._over = {markers(tokenizer).end, tokenizer.convert_tokens_to_ids(START)}

    def row(self, index: int) -> StreamRow:
        """A new row for the prompt of that index."""
        return StreamRow(index)

    def take(self, rows: list[StreamRow], batch: Batch) -> list[StreamRow]:
        """Take the batch's tokens into its rows; finished ones leave both. Returns the rows that continue."""
        alive = [
            i for i, (row, token) in enumerate(zip(rows, batch.tokens.tolist(), strict=True)) if self.add(row, token)
        ]
        if len(alive) < len(rows):
            alive = [alive[place] for place in batch.keep(alive)]
        return [rows[i] for i in alive]

    def add(self, row: StreamRow, token: int) -> bool:
        """Take one token into a row; False when that finished the row."""
        row.tokens += 1
        if token in self._over:
            if text := self.text(row):
                if self._end_operator(row, text):
                    self._finish(row, "done", "")
            elif row.operators:
                self._finish(row, "done", "")
            else:
                self._finish(row, "invalid", "the answer is empty")
            return False
        rest = ""
        if token == self._step:
            lines = [self.text(row)]
            row.ids, row.taken = [], 0
        else:
            row.ids.append(token)
            *lines, rest = self.text(row).split("\n")
            if lines:
                row.taken = len(operator_text(self._tokenizer, row.ids)) - len(rest)
        for line in lines:
            if line.strip() and not (self._end_operator(row, line) and self._has_room(row)):
                return False
        if row.tokens - row.begun < self._limits.operator_tokens:
            return True
        row.operators += [rest] if rest else []
        self._finish(row, "length", f"an operator does not end within {self._limits.operator_tokens} tokens")
        return False

    def text(self, row: StreamRow) -> str:
        """The text of the unfinished operator so far, without blank lines before it."""
        return operator_text(self._tokenizer, row.ids)[row.taken :].lstrip()

    def _end_operator(self, row: StreamRow, text: str) -> bool:
        """Append a finished operator; False when it does not hold, which finishes the row."""
        row.operators.append(text.rstrip())
        row.begun = row.tokens
        error = self._check(row.index, row.operators)
        if error is not None:
            self._finish(row, "invalid", error)
        return error is None

    def _has_room(self, row: StreamRow) -> bool:
        """May another operator follow? If not, the row is finished."""
        if len(row.operators) == self._limits.operators:
            self._finish(row, "length", f"the query does not end after {len(row.operators)} operators")
            return False
        return True

    def _finish(self, row: StreamRow, stop: str, detail: str) -> None:
        self._on_answer(row.index, Decoded(tuple(row.operators), stop, detail, row.tokens))
