"""Decoding of pipe queries, operator by operator, over one KV cache.

The model writes what it was trained on: an operator, the step marker, the next operator … and the end marker after
the last. Whenever a row ends an operator, the text so far goes to a `check`; an error ends that row at once, so no
token is spent behind a name that does not exist. Under a `constraint` no such token is written, and an operator that
does not hold is taken back (`backtracking`, `beam`). The model reads nothing twice: the cache grows across operators,
finished rows make room for waiting prompts (`batch`), and prompts that begin alike share their beginning
(`prefix_cache`).

To add a strategy, write a class with the three members of `Strategy` and choose it in `decode`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import torch

from pipesql.decoding.batch import Batch
from pipesql.decoding.operator_stream import OperatorStream
from pipesql.decoding.prefix_cache import PrefixCache, shared_lengths
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
