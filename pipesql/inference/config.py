"""How a model is asked: the settings on which its answers depend.

What a question must say to be asked.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Protocol, get_args

from pipesql.decoding.answers import Limits
from pipesql.errors import BadInput
from pipesql.inference.operator_check import Evidence
from pipesql.models.load import Precision

MODES = ("greedy", "beam", "vote", "agent")
ANSWER_ROOM = 1_024
UNLIMITED = 1_000_000
EVIDENCE = get_args(Evidence)
PRECISIONS = get_args(Precision)


@dataclass(frozen=True)
class Asking:
    """How questions are put and answers are decoded.

    `layout` is the one that the model was trained in; `values` of each column that a question speaks of stand in its
    prompt, and what is a key (`keys` 1) or not (0), as in training. `constrained` lets it write only what can stand on
    the database, and `evidence` says how much is asked of a finished operator (`operator_check`), and of a whole
    answer: with `words` one of several counts less that leaves out what the question calls by its name. Mode `greedy`
    takes the likeliest token each time; `beam` the likeliest result among what so many `beams` find; `vote` draws
    `samples` answers, the first of them the greedy one, and takes the result that most of them agree on, weighed by
    their probability; `agent` looks at the database with tools before it answers (`agent`). A prompt of more than
    `prompt_tokens` (0: than the model can read) shows the likeliest tables alone. `precision` is what the model
    computes in (`models.load.compute_dtype`). Raises BadInput for what does not go together.
    """

    layout: str = "folded"
    values: int = 0
    keys: int = 1
    mode: str = "greedy"
    constrained: bool = False
    evidence: Evidence = "words"
    beams: int = 4
    samples: int = 8
    temperature: float = 0.7
    seed: int = 0
    prompt_tokens: int = 0
    precision: Precision = "auto"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, known in (("mode", MODES), ("evidence", EVIDENCE), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}")
        if self.mode in ("beam", "vote") and not self.constrained:
            raise BadInput(f"mode={self.mode} searches among what the constraint allows: give constrained=1, too")
        if self.constrained and self.mode == "agent":
            raise BadInput("mode=agent speaks freely: give constrained=0 (pipesql ask: --free)")
        if self.constrained and self.layout == "steps":
            raise BadInput(
                "constrained decoding goes on within one answer, and a model trained in layout steps writes one "
                "operator an answer: give constrained=0, or train in layout folded or tree"
            )
        if self.beams < 1:
            raise BadInput(f"beams is {self.beams}, it must be above 0")
        if self.samples < 1 or self.temperature <= 0:
            raise BadInput(f"{self.samples} samples at temperature {self.temperature}: both must be above 0")

    @property
    def count(self) -> int:
        """Answers that are decoded for each question."""
        return self.samples if self.mode == "vote" else 1

    def room(self, model: Any) -> int:
        """Tokens that a prompt may have: `prompt_tokens`, or what the model can read less room for the answer."""
        context = getattr(getattr(model, "config", None), "max_position_embeddings", None) or UNLIMITED
        return self.prompt_tokens or max(context - ANSWER_ROOM, context // 2)

    @property
    def width(self) -> int:
        """Ways that are followed together for each answer."""
        return self.beams if self.mode == "beam" else 1

    def settings(self) -> dict[str, Any]:
        """All that decides an answer, for a cache's key and a run's parameters; nothing that is not used."""
        known = dataclasses.asdict(self)
        if not self.constrained:
            del known["evidence"]
        if self.mode != "beam":
            del known["beams"]
        if self.mode != "vote":
            known = {k: v for k, v in known.items() if k not in ("samples", "temperature", "seed")}
        return known


class Asked(Protocol):
    """A question. `database` is the path of a file, or a URL."""

    @property
    def database(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def evidence(self) -> str: ...


@dataclass(frozen=True)
class Question:
    """A question by itself; `evidence` is what else one should know, in a sentence."""

    database: str
    question: str
    evidence: str = ""
