"""What decoding gives, and how far it may go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Check = Callable[[int, Sequence[str]], str | None]
"""(index of the prompt, operators so far) → the sentence of an error, or None when they hold."""


@dataclass(frozen=True)
class Limits:
    """How far one answer may go: tokens of one operator, operators of one query, and how often a guided answer may
    switch to another way (`guided`)."""

    operator_tokens: int = 96
    operators: int = 16
    switches: int = 8


@dataclass(frozen=True)
class Decoded:
    """One answer. `stop`: `done` (it ended), `invalid` (the last operator does not hold) or `length` (a limit).

    `operators` holds every operator begun, the offending or unfinished one included; `tokens` counts all that were
    generated, markers and what was taken back included. `score` is the log probability of the answer's tokens, each
    among all tokens; `switches` counts how often it went another way. Both are 0 where nothing guided it. `others` are
    less likely answers to the same question that a search came upon (`beam`), the likeliest first. `unsaid` is what the
    question calls by its name and the answer leaves out, where somebody looked (`inference.mentions`).
    """

    operators: tuple[str, ...]
    stop: str
    detail: str = ""
    tokens: int = 0
    score: float = 0.0
    switches: int = 0
    others: tuple[Decoded, ...] = ()
    unsaid: tuple[str, ...] = ()


OnAnswer = Callable[[int, Decoded], None]
"""Called with the prompt's index as an answer ends."""
