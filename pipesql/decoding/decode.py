"""Decoding of pipe queries, operator by operator, over one growing cache of keys and values.

The model writes what it was trained on: an operator, the step marker, the next operator … and the end marker after
the last. Whenever a row ends an operator, the text so far goes to a `check`; an error ends that row at once, so no
token is spent behind a name that does not exist. With a `guide` no such token is written, and what does not hold is
taken back (see `guided`). Nothing is read twice: the cache grows across operators, rows that are done make room for
waiting prompts (see `batch`), and prompts with a common beginning share it (see `prefix`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import torch

from pipesql.decoding.answers import Check, Decoded, Limits, OnAnswer
from pipesql.decoding.backtracking import Guide, GuidedReading
from pipesql.decoding.batch import Batch
from pipesql.decoding.beam import BeamReading
from pipesql.decoding.operator_stream import Reading
from pipesql.decoding.prefix_cache import PrefixReader, shared_lengths
from pipesql.errors import BadInput

Row = TypeVar("Row")


class RowReading(Protocol[Row]):
    """What makes answers of a batch's tokens; one prompt becomes `rows_a_prompt` rows at most."""

    rows_a_prompt: int

    def row(self, index: int) -> Row: ...

    def take(self, rows: list[Row], batch: Batch) -> list[Row]: ...


def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    check: Check,
    *,
    limits: Limits | None = None,
    batch: int = 16,
    guide: Guide | None = None,
    beams: int = 1,
    on_answer: OnAnswer | None = None,
) -> list[Decoded]:
    """Answer every prompt (token ids); results in the order of the prompts, each also given to `on_answer`.

    Without a `guide` decoding is greedy and free, and `check` sees every operator; with one the guide's own judge does,
    and more than one of `beams` search for the likeliest answer (`beam`).
    `batch` is the number of rows decoded together; results do not depend on it (up to the rounding of floats).
    Raises BadInput for an empty prompt or a batch below 1.
    """
    if batch < 1:
        raise BadInput(f"a batch of {batch} rows cannot be decoded; use 1 or more")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise BadInput(f"prompt {index} is empty; every prompt needs at least one token")
    answers: dict[int, Decoded] = {}

    def finish(index: int, answer: Decoded) -> None:
        answers[index] = answer
        if on_answer is not None:
            on_answer(index, answer)

    limits = limits or Limits()
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            waiting = deque[int]()
            if guide is None:
                _read_all(model, prompts, Reading(tokenizer, check, limits, finish), batch, waiting)
            elif beams > 1:
                reading = BeamReading(tokenizer, guide, limits, finish, beams, waiting.append)
                _read_all(model, prompts, reading, batch, waiting)
            else:
                _read_all(model, prompts, GuidedReading(tokenizer, guide, limits, finish), batch, waiting)
    finally:
        model.train(was_training)
    return [answers[i] for i in range(len(prompts))]


def _read_all(
    model: Any, prompts: Sequence[Sequence[int]], reading: RowReading[Row], batch: int, waiting: deque[int]
) -> None:
    """Read every prompt, and those that `reading` puts into `waiting` again."""
    order, shared = shared_lengths(prompts)
    prefixes = PrefixReader(model)
    waiting.extend(order)
    rows: list[Row] = []
    flight: Batch | None = None
    while rows or waiting:
        # Joining costs a copy of the cache, so wait until a quarter of the batch is free.
        if flight is None or (waiting and 4 * (batch - len(rows)) >= batch):
            room = max(1, (batch - len(rows)) // reading.rows_a_prompt)
            chosen = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            fresh = Batch(model, prefixes, [(prompts[index], shared[index]) for index in chosen])
            new = reading.take([reading.row(index) for index in chosen], fresh)
            if flight is None or not rows:
                flight = fresh
            else:
                flight.join(fresh)
            rows += new
        else:
            flight.step()
            rows = reading.take(rows, flight)
