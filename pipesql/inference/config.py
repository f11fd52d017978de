"""What a question is, and the settings on which a model's answer to it depends."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from pipesql.decoding.types import DecodeLimits
from pipesql.errors import InvalidOption
from pipesql.models.load import Precision
from pipesql.options import option

MODES = ("greedy", "beam", "vote", "agent")
CheckLevel = Literal["names", "runs", "rows", "mentions"]
"""How strictly operators are checked while decoding (`operator_check`)."""
CHECKS = get_args(CheckLevel)
PRECISIONS = get_args(Precision)
ANSWER_ROOM = 1_024
"""Tokens that a prompt leaves free for the answer, in models that can read more than twice as many."""
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class DecodingConfig:
    """How prompts are written and answers are decoded.

    `layout`, `values` and `keys` describe the prompt and should be what the model was trained with: `layout` is
    `folded`, `tree` or `steps`; the prompt shows up to `values` values of each column that the question mentions and,
    with `keys`, the keys of the tables. A prompt of more than `prompt_tokens` (0: than the model can read) shows only
    the most likely tables.

    `constrained` lets the model write only what is valid on the database. `check` is how strictly operators are then
    checked (`operator_check`) and, with `mentions`, whole answers: of several answers to a question, one that
    leaves out a name which the question mentions counts less.

    Mode `greedy` takes the most likely token each time; `beam` the most likely result among the answers that `beams`
    hypotheses find; `vote` draws `samples` answers, the first of them the greedy one, and takes the result that most of
    them agree on, weighed by their probability; `agent` looks at the database with tools before it answers (`agent`).
    `temperature` and `seed` are those of a vote. `precision` is what the model computes in
    (`models.load.compute_dtype`).

    Raises InvalidOption for an unknown value, or for settings that exclude each other.
    """

    layout: str = "folded"
    values: int = 0
    keys: bool = True
    mode: str = option(
        "greedy", "greedy; beam: the most likely result; vote: the result of most answers; agent: with tools."
    )
    constrained: bool = option(False, "1: the model can only write what is valid on the database; 0: anything.")
    check: CheckLevel = option(
        "mentions",
        "With constrained=1, how strictly operators are checked: names, runs, rows or mentions.",
        old="evidence",
        old_values={"words": "mentions"},
    )
    beams: int = option(4, "With mode=beam, how many hypotheses are followed together.")
    samples: int = option(8, "With mode=vote, how many answers are drawn for each question.")
    temperature: float = option(0.7, "With mode=vote, the sampling temperature.")
    seed: int = 0
    prompt_tokens: int = option(
        0, "Longest prompt in tokens; a longer one shows only the most relevant tables. 0: what the model can read."
    )
    precision: Precision = option("auto", "auto: float32 on a CPU; float32; bfloat16: faster on a CPU that has it.")
    limits: DecodeLimits = field(default_factory=DecodeLimits)

    def __post_init__(self) -> None:
        for name, known in (("mode", MODES), ("check", CHECKS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise InvalidOption(f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}")
        if self.mode in ("beam", "vote") and not self.constrained:
            raise InvalidOption(f"mode={self.mode} needs constrained decoding: give constrained=1 too")
        if self.constrained and self.mode == "agent":
            raise InvalidOption("mode=agent cannot be constrained: give constrained=0 (pipesql ask: --free)")
        if self.constrained and self.layout == "steps":
            raise InvalidOption(
                "constrained decoding needs whole queries, and a model trained in layout steps writes one operator per "
                "answer: give constrained=0, or train in layout folded or tree"
            )
        if self.beams < 1:
            raise InvalidOption(f"beams is {self.beams}: it must be above 0")
        if self.samples < 1 or self.temperature <= 0:
            raise InvalidOption(
                f"samples is {self.samples} and temperature is {self.temperature}: both must be above 0"
            )

    @property
    def answers_per_question(self) -> int:
        """Answers that are decoded for each question."""
        return self.samples if self.mode == "vote" else 1

    @property
    def beam_width(self) -> int:
        """Hypotheses that are followed together for each answer."""
        return self.beams if self.mode == "beam" else 1

    def room(self, model: Any) -> int:
        """Tokens that a prompt may have: `prompt_tokens`, or what the model can read less room for the answer."""
        context = getattr(getattr(model, "config", None), "max_position_embeddings", None) or UNLIMITED
        return self.prompt_tokens or max(context - ANSWER_ROOM, context // 2)

    def settings(self) -> dict[str, Any]:
        """All settings that decide an answer, for a cache's key; those that are not used are left out."""
        known = dataclasses.asdict(self)
        if not self.constrained:
            del known["check"]
        if self.mode != "beam":
            del known["beams"]
        if self.mode != "vote":
            known = {k: v for k, v in known.items() if k not in ("samples", "temperature", "seed")}
        return known


class Question(Protocol):
    """A question on a database, which is the path of a file or a URL; `evidence` is BIRD's hint, a sentence."""

    @property
    def database(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def evidence(self) -> str: ...


@dataclass(frozen=True)
class PlainQuestion:
    """A question by itself, as a user types it: without an id, a benchmark or a gold query."""

    database: str
    question: str
    evidence: str = ""
