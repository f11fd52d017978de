"""Decoding for models trained in the `steps` layout: each operator answers a prompt that holds the query so far.

Such a model never saw an operator follow another one in its own answer, so the prompt is written anew for each, which
costs more than `decode`, which reads a prompt once. Questions are answered in groups of two batches: a group finishes
before the next one begins, so that progress shows and an interruption loses one group, while answers that end early
leave room for others of their group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipesql.decoding.decode import decode
from pipesql.decoding.types import Check, Decoded, DecodeLimits

PromptOf = Callable[[int, Sequence[str]], Sequence[int]]
"""(index of the question, operators so far) → the prompt's token ids."""
BATCHES_PER_GROUP = 2
"""More would fill the later rounds better and delay the first answers."""


def decode_stepwise(
    model: Any,
    tokenizer: Any,
    count: int,
    prompt_of: PromptOf,
    check: Check,
    *,
    limits: DecodeLimits | None = None,
    batch: int = 16,
    on_answer: Callable[[int, Decoded], None] | None = None,
) -> list[Decoded]:
    """Answer `count` questions, one operator of each per round; answers and `on_answer` as in `decode`."""
    limits = limits or DecodeLimits()
    answers: dict[int, Decoded] = {}

    def finish(index: int, answer: Decoded) -> None:
        answers[index] = answer
        if on_answer is not None:
            on_answer(index, answer)

    size = BATCHES_PER_GROUP * max(batch, 1)  # `decode` raises for a batch below 1
    for first in range(0, count, size):
        active = {index: Decoded((), "length", "", 0) for index in range(first, min(first + size, count))}
        for number in range(1, limits.operators + 1):
            made = _round(model, tokenizer, active, prompt_of, check, replace(limits, operators=1), batch)
            active = {}
            for index, (answer, continues) in made.items():
                if not continues:
                    finish(index, answer)
                elif number < limits.operators:
                    active[index] = answer
                else:
                    finish(index, replace(answer, detail=f"the query does not end after {number} operators"))
            if not active:
                break
    return [answers[index] for index in range(count)]


def _round(
    model: Any,
    tokenizer: Any,
    before: dict[int, Decoded],
    prompt_of: PromptOf,
    check: Check,
    limits: DecodeLimits,
    batch: int,
) -> dict[int, tuple[Decoded, bool]]:
    """Extend every answer by one operator; with each, whether another may follow."""
    indices, ended = list(before), set[int]()

    def holds(row: int, operators: Sequence[str]) -> str | None:
        ended.add(indices[row])  # an operator that reaches its limit is never checked
        return check(indices[row], (*before[indices[row]].operators, *operators))

    prompts = [prompt_of(index, before[index].operators) for index in indices]
    made = {}
    for index, new in zip(indices, decode(model, tokenizer, prompts, holds, limits=limits, batch=batch), strict=True):
        old = before[index]
        answer = replace(new, operators=(*old.operators, *new.operators), tokens=old.tokens + new.tokens)
        made[index] = answer, new.stop == "length" and index in ended
    return made
