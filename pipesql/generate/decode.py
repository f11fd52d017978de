"""Greedy decoding of pipe queries, operator by operator, over one growing cache of keys and values.

The model writes what it was trained on: an operator, the step marker, the next operator … and the end marker after
the last. Whenever a row ends an operator, the text so far goes to a `check`; an error ends that row at once, so no
token is spent behind a name that does not exist. Nothing is read twice: the cache grows across operators, rows that
are done make room for waiting prompts (see `batch`), and prompts with a common beginning share it (see `prefix`).

One rule reads every model, trained on the markers or not: an operator ends at the step marker or at a line break
(pipe SQL has one operator a line), the answer at the end marker or where the model begins another turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pipesql.chat.template import START, markers, operator_text
from pipesql.errors import BadInput
from pipesql.generate.batch import Batch
from pipesql.generate.prefix import PrefixReader, shared_lengths

Check = Callable[[int, Sequence[str]], str | None]
"""(index of the prompt, operators so far) → the sentence of an error, or None when they hold."""


@dataclass(frozen=True)
class Limits:
    """How far one answer may go: tokens of one operator, and operators of one query."""

    operator_tokens: int = 96
    operators: int = 16


@dataclass(frozen=True)
class Decoded:
    """One answer. `stop`: `done` (it ended), `invalid` (the last operator does not hold) or `length` (a limit).

    `operators` holds every operator begun, the offending or unfinished one included; `tokens` counts all that were
    generated, markers included.
    """

    operators: tuple[str, ...]
    stop: str
    detail: str = ""
    tokens: int = 0


@dataclass
class _Row:
    """A query in the making.

    `ids` are the tokens since the last marker, of whose text the first `taken` characters (lines that are finished)
    belong to earlier operators; `begun` is the number of tokens at which the operator at hand began.
    """

    index: int
    operators: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    taken: int = 0
    tokens: int = 0
    begun: int = 0


def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    check: Check,
    *,
    limits: Limits | None = None,
    batch: int = 16,
    on_answer: Callable[[int, Decoded], None] | None = None,
) -> list[Decoded]:
    """Answer every prompt (token ids); results in the order of the prompts, each also given to `on_answer`.

    `batch` is the number of rows decoded together; results do not depend on it (up to the rounding of floats).
    Raises BadInput for an empty prompt or a batch below 1.
    """
    if batch < 1:
        raise BadInput(f"a batch of {batch} rows cannot be decoded; use 1 or more")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise BadInput(f"prompt {index} is empty; every prompt needs at least one token")
    answers: dict[int, Decoded] = {}

    def finish(row: _Row, stop: str, detail: str) -> None:
        answers[row.index] = Decoded(tuple(row.operators), stop, detail, row.tokens)
        if on_answer is not None:
            on_answer(row.index, answers[row.index])

    order, shared = shared_lengths(prompts)
    reading = _Reading(tokenizer, check, limits or Limits(), finish)
    prefixes, waiting = PrefixReader(model), deque(order)
    rows: list[_Row] = []
    flight: Batch | None = None
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            while rows or waiting:
                # Joining costs a copy of the cache, so wait until a quarter of the batch is free.
                if flight is None or (waiting and 4 * (batch - len(rows)) >= batch):
                    new = [_Row(waiting.popleft()) for _ in range(min(batch - len(rows), len(waiting)))]
                    fresh = Batch(model, prefixes, [(prompts[row.index], shared[row.index]) for row in new])
                    new = reading.take(new, fresh)
                    if flight is None or not rows:
                        flight = fresh
                    else:
                        flight.join(fresh)
                    rows += new
                else:
                    flight.step()
                    rows = reading.take(rows, flight)
    finally:
        model.train(was_training)
    return [answers[i] for i in range(len(prompts))]


def read_answer(tokenizer: Any, ids: Sequence[int], limits: Limits | None = None) -> Decoded:
    """An answer that was already generated, read by the rule of `decode`, without a check of its operators.

    `ids` are its tokens behind the prompt; what follows its end is not read. `stop` is `length` where they end before
    the answer does, and `invalid` where it is empty.
    """
    finished: list[Decoded] = []

    def finish(row: _Row, stop: str, detail: str) -> None:
        finished.append(Decoded(tuple(row.operators), stop, detail, row.tokens))

    reading, row = _Reading(tokenizer, lambda index, operators: None, limits or Limits(), finish), _Row(0)
    for token in ids:
        if not reading.goes_on(row, token):
            return finished[0]
    rest = reading.text(row)
    return Decoded((*row.operators, *([rest] if rest else [])), "length", "the answer does not end", row.tokens)


class _Reading:
    """The rule by which tokens become operators and answers."""

    def __init__(self, tokenizer: Any, check: Check, limits: Limits, finish: Callable[[_Row, str, str], None]) -> None:
        self._tokenizer, self._check, self._limits, self._finish = tokenizer, check, limits, finish
        self._step = markers(tokenizer).step
        self._over = {markers(tokenizer).end, tokenizer.convert_tokens_to_ids(START)}

    def take(self, rows: list[_Row], batch: Batch) -> list[_Row]:
        """Take the batch's tokens into its rows; finished ones leave both. Returns the rows that go on."""
        alive = [
            i
            for i, (row, token) in enumerate(zip(rows, batch.tokens.tolist(), strict=True))
            if self.goes_on(row, token)
        ]
        if len(alive) < len(rows):
            batch.keep(alive)
        return [rows[i] for i in alive]

    def goes_on(self, row: _Row, token: int) -> bool:
        """Take one token into a row; False when that finished it."""
        row.tokens += 1
        if token in self._over:
            if text := self.text(row):
                if self._operator_ends(row, text):
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
            if line.strip() and not (self._operator_ends(row, line) and self._has_room(row)):
                return False
        if row.tokens - row.begun < self._limits.operator_tokens:
            return True
        row.operators += [rest] if rest else []
        self._finish(row, "length", f"an operator does not end within {self._limits.operator_tokens} tokens")
        return False

    def text(self, row: _Row) -> str:
        """What the operator at hand says so far, without blank lines before it."""
        return operator_text(self._tokenizer, row.ids)[row.taken :].lstrip()

    def _operator_ends(self, row: _Row, text: str) -> bool:
        """Append a finished operator; False when it does not hold, which finishes the row."""
        row.operators.append(text.rstrip())
        row.begun = row.tokens
        error = self._check(row.index, row.operators)
        if error is not None:
            self._finish(row, "invalid", error)
        return error is None

    def _has_room(self, row: _Row) -> bool:
        """May another operator follow? If not, the row is finished."""
        if len(row.operators) == self._limits.operators:
            self._finish(row, "length", f"the query does not end after {len(row.operators)} operators")
            return False
        return True
