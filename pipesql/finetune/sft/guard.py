"""The guard: what is said of every optimizer step before it touches the weights.

It watches two numbers, the step's loss and the norm of its gradient, against their own last values. A step is skipped
where one of them is not finite, or lies further above the mean of that window than so many standard deviations (the
rule of OLMo-core's skip-step optimizers, which take six of the last 128; OLMo 2, arXiv 2501.00656, section 3). Where
steps are skipped in a row it is no longer a bad batch but the weights, and training goes back to a good checkpoint.

Nothing here knows of tensors or trainers: numbers go in, a judgement comes out.

The guard inside the training loop: it sees every step between its gradient and its update.

What a run remembers beyond its checkpoints: how often it went back, which data it leaves out, how far the rate fell.

A checkpoint cannot hold this: the fault shows after it was written. So it is a file of its own beside the checkpoints,
and what is done after a rewind and after a kill is the same.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any, Literal

from transformers import TrainerCallback

from pipesql.errors import BadInput
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.storage import write_json

if TYPE_CHECKING:
    from pipesql.finetune.sft.trainer import TargetTrainer

WARM_UP = 16
"""Accepted steps before a finite step can be an outlier: fewer say nothing of how far values spread."""
FLOOR = 0.05
"""The spread is taken as at least this share of the mean: a loss that hardly moves must not make noise an outlier."""


@dataclass(frozen=True)
class Judgement:
    """What becomes of a step: `accept`, `skip`, or `rewind` (skip it, and go back to a good checkpoint)."""

    kind: Literal["accept", "skip", "rewind"]
    reason: str = ""


@dataclass
class Guard:
    """Judges steps in their order. Its state is plain numbers (`state`, `restore`), kept with every checkpoint."""

    sigma: float = 6.0
    window: int = 128
    patience: int = 3
    losses: deque[float] = field(default_factory=deque)
    norms: deque[float] = field(default_factory=deque)
    skipped: int = 0
    """Steps skipped in all."""
    streak: int = 0
    """Steps skipped in a row until now."""

    @classmethod
    def of(cls, recipe: Recipe) -> Guard:
        """The guard that a recipe describes."""
        return cls(recipe.guard_sigma, recipe.guard_window, recipe.guard_patience)

    def judge(self, loss: float, norm: float) -> Judgement:
        """Judge a step by its mean loss and its gradient's norm, and remember it."""
        reason = self._wrong("loss", loss, self.losses) or self._wrong("gradient norm", norm, self.norms)
        if not reason:
            self.streak = 0
            for values, value in ((self.losses, loss), (self.norms, norm)):
                values.append(value)
                while len(values) > self.window:
                    values.popleft()
            return Judgement("accept")
        self.skipped += 1
        self.streak += 1
        if self.patience and self.streak >= self.patience:
            return Judgement("rewind", f"{reason}; {self.streak} bad steps in a row")
        return Judgement("skip", reason)

    def _wrong(self, what: str, value: float, earlier: deque[float]) -> str:
        """Why the value is not one to learn from; empty where it is."""
        if not math.isfinite(value):
            return f"the {what} is {value}"
        if not self.sigma or len(earlier) < min(WARM_UP, self.window):
            return ""
        mean = fmean(earlier)
        spread = max(pstdev(earlier), FLOOR * abs(mean))
        if value <= mean + self.sigma * spread:
            return ""
        return f"the {what} is {value:.3g}, {(value - mean) / spread:.1f} standard deviations above {mean:.3g}"

    def state(self) -> dict[str, Any]:
        """What has been seen, as JSON."""
        numbers = {"skipped": self.skipped, "streak": self.streak}
        return {"losses": list(self.losses), "norms": list(self.norms), **numbers}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.losses, self.norms = deque(state["losses"]), deque(state["norms"])
        self.skipped, self.streak = int(state["skipped"]), int(state["streak"])


class Guarding(TrainerCallback):  # type: ignore[misc]
    """Skips a bad step by taking its gradients away: an optimizer leaves weights without a gradient, and what it
    remembers of them, as they are. Raises RewindNeeded where skipping no longer helps."""

    def __init__(self, trainer: TargetTrainer, guard: Guard, say: Callable[[str], None]) -> None:
        self.guard = guard
        self._trainer = trainer
        self._say = say

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Before the first step, make sure that there is something to go back to."""
        if state.global_step == 0:
            self._trainer.save_start()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A new step's losses are collected."""
        self._trainer.begin_step()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Judge the step that is about to be taken."""
        step = state.global_step + 1
        # The mean over processes: all of them must come to the same judgement.
        loss = self._trainer.accelerator.reduce(self._trainer.step_loss.detach().clone(), "mean").item()
        judgement = self.guard.judge(loss, self._trainer.step_norm)
        if judgement.kind == "accept":
            self._trainer.count_step(loss)
            return
        if judgement.kind == "rewind":
            raise RewindNeeded(step, judgement.reason)
        self._trainer.model.zero_grad(set_to_none=True)
        self._say(f"guard: step {step} skipped: {judgement.reason}")

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """An evaluation loss that is no number says that the weights are none either."""
        if not math.isfinite(float(metrics["eval_loss"])):
            raise RewindNeeded(state.global_step, f"the evaluation loss is {metrics['eval_loss']}")


FILE = "recovery.json"


class RewindNeeded(Exception):
    """Raised inside the training loop: the weights are no longer good. Never leaves `finetune.sft.train`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        """The optimizer step that gave the reason; it was not taken."""
        self.reason = reason


@dataclass(frozen=True)
class Rewind:
    """One return to a checkpoint: the step that gave the reason, the step gone back to, the rows left out since."""

    step: int
    back_to: int
    reason: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Recovery:
    """All returns so far, in order. `rows` number the training data in the order that the seed laid out."""

    rewinds: tuple[Rewind, ...] = ()

    @property
    def left_out(self) -> frozenset[int]:
        """Rows that training leaves out."""
        return frozenset(row for rewind in self.rewinds for row in rewind.rows)

    def rate(self, factor: float) -> float:
        """By how much the recipe's learning rate is multiplied now."""
        return factor ** len(self.rewinds)

    def fruitless(self) -> int:
        """How many of the last returns were made without coming further than the one before."""
        pairs = reversed(list(itertools.pairwise(self.rewinds)))
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[1].step <= pair[0].step, pairs))

    def after(self, rewind: Rewind) -> Recovery:
        """The record with another return."""
        return dataclasses.replace(self, rewinds=(*self.rewinds, rewind))

    def write(self, folder: Path) -> None:
        """Write it into the folder of the run, whole or not at all."""
        write_json(folder / FILE, dataclasses.asdict(self))


def read_recovery(folder: Path) -> Recovery:
    """The record of a run's folder; an empty one where it never went back. Raises BadInput for a damaged file."""
    path = folder / FILE
    if not path.is_file():
        return Recovery()
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rewinds"]
        return Recovery(tuple(Rewind(r["step"], r["back_to"], r["reason"], tuple(r["rows"])) for r in rows))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInput(f"{path} is no record of rewinds ({e}): remove it to go on without, or train anew") from e
