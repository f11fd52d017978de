"""Decoding for models trained in the `steps` layout: each operator answers a prompt that holds the query so far.

Such a model never saw an operator follow another one in its own answer, so the prompt is written anew for each: dearer
than `decode`, which reads a prompt once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipesql.generate.decode import decode
from pipesql.generate.decoded import Check, Decoded, Limits

PromptOf = Callable[[int, Sequence[str]], Sequence[int]]
"""Given the question's index and the operators so far, the prompt's token ids."""


def decode_stepwise(
    model: Any,
    tokenizer: Any,
    count: int,
    prompt_of: PromptOf,
    check: Check,
    *,
    limits: Limits | None = None,
    batch: int = 16,
    on_answer: Callable[[int, Decoded], None] | None = None,
) -> list[Decoded]:
    """Answer `count` questions, one operator of each a round; results and `on_answer` as in `decode`."""
    limits = limits or Limits()
    answers = {index: Decoded((), "length", "no operator was written", 0) for index in range(count)}
    active = list(range(count))
    for number in range(1, limits.operators + 1):
        turn = [(index, answers[index].operators) for index in active]

        def holds(row: int, operators: Sequence[str], turn: list[tuple[int, tuple[str, ...]]] = turn) -> str | None:
            index, before = turn[row]
            return check(index, (*before, *operators))

        prompts = [prompt_of(index, before) for index, before in turn]
        made = decode(model, tokenizer, prompts, holds, limits=replace(limits, operators=1), batch=batch)
        active = []
        for (index, before), new in zip(turn, made, strict=True):
            answer = replace(new, operators=(*before, *new.operators), tokens=answers[index].tokens + new.tokens)
            goes_on = new.stop == "length" and new.tokens < limits.operator_tokens
            if goes_on and number == limits.operators:
                answer = replace(answer, detail=f"the query does not end after {number} operators")
            answers[index] = answer
            if goes_on and number < limits.operators:
                active.append(index)
            elif on_answer is not None:
                on_answer(index, answer)
    return [answers[index] for index in range(count)]
