"""The types that decoding takes and returns: limits, a check or a constraint, and answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

Check = Callable[[int, Sequence[str]], str | None]
"""(index of the prompt, operators so far) → the sentence of an error, or None when they hold."""


@dataclass(frozen=True)
class DecodeLimits:
    """How far one answer may go: tokens of one operator, operators of one query, and how often constrained decoding
    may leave one hypothesis for another (`backtracking`)."""

    operator_tokens: int = 96
    operators: int = 16
    backtracks: int = 8


@dataclass(frozen=True)
class Decoded:
    """One answer. `stop`: `done` (it ended), `invalid` (the last operator does not hold) or `length` (a limit).

    `operators` holds every operator begun, the invalid or unfinished one included. `tokens` counts all that were
    generated, markers and tokens taken back included. `logprob` is the log probability of the answer's tokens in nats,
    each among all tokens; `backtracks` counts how often one hypothesis was left for another. Both are 0 without a
    constraint. `others` are less likely answers to the same question that `beam` found, the most likely first.
    `missing_mentions` are the names that the question mentions and the answer leaves out (`inference.mentions`);
    empty where nobody looked.
    """

    operators: tuple[str, ...]
    stop: str
    detail: str = ""
    tokens: int = 0
    logprob: float = 0.0
    backtracks: int = 0
    others: tuple[Decoded, ...] = ()
    missing_mentions: tuple[str, ...] = ()


OnAnswer = Callable[[int, Decoded], None]
"""Called with the prompt's index as an answer ends."""


@dataclass(frozen=True)
class Objection:
    """Why an operator should not stand. `weak`: it may, if no other hypothesis does better. `late`: it ran past its
    deadline."""

    reason: str
    weak: bool = False
    late: bool = False


class Mask(Protocol):
    """Which tokens may come next in an operator (`grammar.mask.OperatorMask`)."""

    def allowed(self) -> Any: ...

    def take(self, token: int) -> str | None: ...

    def copy(self) -> Self: ...


@dataclass(frozen=True)
class Constraint:
    """What constrained decoding obeys.

    `mask_of` (index of the prompt, operators so far) gives the mask of the next operator. `check` (the same, and
    whether the query is whole) gives an objection to the last operator, or None. At a `temperature` (of the index) of 0
    the most likely token is taken; above it one is drawn, by a generator that `seed` and the index decide. `margin` and
    `weak_cost` are in nats: how much cheaper another hypothesis must be to replace the current one, and what a weak
    objection costs.
    """

    mask_of: Callable[[int, Sequence[str]], Mask]
    check: Callable[[int, Sequence[str], bool], Objection | None]
    temperature: Callable[[int], float] = lambda index: 0.0
    seed: int = 0
    margin: float = 1.0
    weak_cost: float = 2.0
    on_operators: Callable[[int, Sequence[str]], None] = lambda index, operators: None
    """Called with the index and the operators so far whenever one is finished, or some are taken back."""
