"""Answers by a speaker that gives whole texts, such as a server: read operator by operator, and asked again from where
the first one does not hold.

The prompt then holds the query so far, as in the layout `steps`. After so many times (`Limits.switches`) the query ends
before the operator that does not hold, which is then an answer; without any operator there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipesql.generate.decoded import Check, Decoded, Limits
from pipesql.generate.speaker import Speaker

MessagesOf = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Operators so far → the messages that ask how the query goes on."""


def answer_served(
    speaker: Speaker,
    messages_of: MessagesOf,
    check: Check,
    *,
    index: int = 0,
    limits: Limits | None = None,
    one_by_one: bool = False,
) -> Decoded:
    """The answer to one question, `index` of which `check` is told.

    `one_by_one`: the model was trained to give one operator a turn, so that a turn without an error is asked to go on;
    it ends where it says nothing more. `retries` are counted as `switches`. Raises ModelUnavailable where the speaker
    cannot answer.
    """
    limits = limits or Limits()
    operators: tuple[str, ...] = ()
    tokens = retries = 0
    while True:
        turn = speaker.say(messages_of(operators), ())
        tokens += turn.tokens
        lines = [line.strip() for line in turn.text.split("\n") if line.strip()]
        if lines and not lines[0].startswith("|>"):
            operators = ()  # a whole query, not how the one so far goes on
        error = "" if turn.ended else "the answer does not end"
        for line in lines[:1] if one_by_one else lines:
            error = check(index, (*operators, line)) or ""
            if error:
                break
            operators = (*operators, line)
            if len(operators) == limits.operators:
                return Decoded(operators, "done", "", tokens, switches=retries)
        if not error and (not one_by_one or not lines):
            if operators:
                return Decoded(operators, "done", "", tokens, switches=retries)
            error = "the answer is empty"
        if error and retries == limits.switches:
            if not operators:
                return Decoded(tuple(lines[:1]), "invalid", error, tokens, switches=retries)
            detail = f"operator {len(operators) + 1} was given up: {error}"
            return Decoded(operators, "done", detail, tokens, switches=retries)
        retries += bool(error)
