"""The guard: it checks every optimizer step before the update, and sends training back when the weights are damaged.

`Guard` compares a step's loss and gradient norm with their recent values. It skips a step where one of them is not
finite, or lies more than a number of standard deviations above the mean of its window (the rule of OLMo-core's
skip-step optimizers, which use six and the last 128 steps; OLMo 2, arXiv 2501.00656, section 3). When several steps in
a row are skipped, the fault is in the weights rather than in a batch, and training goes back to a good checkpoint.

`GuardCallback` applies this in the training loop. `Recovery` records the returns, the rows left out since, and with
them the learning rate. A checkpoint cannot hold that record, because the fault shows after it was written; so it is a
file beside the checkpoints, read in the same way after a return and after a crash.
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
from typing import Any, Literal, Protocol

import torch
from transformers import TrainerCallback

from pipesql.errors import InvalidFile
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.storage import write_json

WARM_UP = 16
"""Accepted steps before a finite step can be an outlier: fewer do not show how far values spread."""
FLOOR = 0.05
"""Smallest spread, as a share of the mean: where the loss hardly moves, noise must not become an outlier."""


@dataclass(frozen=True)
class Decision:
    """The guard's decision on a step: `accept`, `skip`, or `rewind` (skip it and go back to a good checkpoint)."""

    kind: Literal["accept", "skip", "rewind"]
    reason: str = ""


@dataclass
class Guard:
    """Decides on steps in their order. Its state is plain numbers (`state`, `restore`), kept with every checkpoint."""

    sigma: float = 6.0
    window: int = 128
    patience: int = 3
    losses: deque[float] = field(default_factory=deque)
    norms: deque[float] = field(default_factory=deque)
    skipped: int = 0
    """All skipped steps."""
    streak: int = 0
    """Skipped steps in a row, up to now."""

    @classmethod
    def of(cls, recipe: Recipe) -> Guard:
        """The guard with a recipe's settings."""
        return cls(recipe.guard_sigma, recipe.guard_window, recipe.guard_patience)

    def decide(self, loss: float, norm: float) -> Decision:
        """Decide on a step by its mean loss and its gradient's norm, and remember them."""
        reason = self._wrong("loss", loss, self.losses) or self._wrong("gradient norm", norm, self.norms)
        if not reason:
            self.streak = 0
            for values, value in ((self.losses, loss), (self.norms, norm)):
                values.append(value)
                while len(values) > self.window:
                    values.popleft()
            return Decision("accept")
        self.skipped += 1
        self.streak += 1
        if self.patience and self.streak >= self.patience:
            return Decision("rewind", f"{reason}; {self.streak} bad steps in a row")
        return Decision("skip", reason)

    def _wrong(self, what: str, value: float, earlier: deque[float]) -> str:
        """Why the step must not be taken; empty where the value is fine."""
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
        """The state, for JSON."""
        numbers = {"skipped": self.skipped, "streak": self.streak}
        return {"losses": list(self.losses), "norms": list(self.norms), **numbers}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        self.losses, self.norms = deque(state["losses"]), deque(state["norms"])
        self.skipped, self.streak = int(state["skipped"]), int(state["streak"])


class GuardedTrainer(Protocol):
    """The parts of the trainer that the guard uses (`finetune.sft.trainer.TargetTrainer`)."""

    accelerator: Any
    model: Any
    step_norm: float

    @property
    def step_loss(self) -> torch.Tensor:
        """Mean loss of the current optimizer step (a scalar)."""

    def begin_step(self) -> None:
        """Forget the losses of the last step."""

    def count_step(self, loss: float) -> None:
        """Count the current step as taken."""

    def save_start(self) -> None:
        """Write a checkpoint before the first step."""


class GuardCallback(TrainerCallback):  # type: ignore[misc]
    """Skips a bad step by removing its gradients: an optimizer does not change weights without a gradient, nor its
    moments for them. Raises RewindNeeded where skipping no longer helps."""

    def __init__(self, trainer: GuardedTrainer, guard: Guard, show: Callable[[str], None]) -> None:
        self.guard = guard
        self._trainer = trainer
        self._show = show

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write a checkpoint before the first step, so that there is always one to go back to."""
        if state.global_step == 0:
            self._trainer.save_start()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Collect the losses of a new step."""
        self._trainer.begin_step()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Decide on the step that is about to be taken."""
        step = state.global_step + 1
        # The mean over processes: all of them must make the same decision.
        loss = self._trainer.accelerator.reduce(self._trainer.step_loss.detach().clone(), "mean").item()
        decision = self.guard.decide(loss, self._trainer.step_norm)
        if decision.kind == "accept":
            self._trainer.count_step(loss)
            return
        if decision.kind == "rewind":
            raise RewindNeeded(step, decision.reason)
        self._trainer.model.zero_grad(set_to_none=True)
        self._show(f"guard: step {step} skipped: {decision.reason}")

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """Go back where the evaluation loss is not finite: then the weights are damaged."""
        if not math.isfinite(float(metrics["eval_loss"])):
            raise RewindNeeded(state.global_step, f"the evaluation loss is {metrics['eval_loss']}")


RECOVERY_FILE = "recovery.json"


class RewindNeeded(Exception):
    """The weights are damaged. Raised inside the training loop, and caught in `finetune.sft.train`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        """The optimizer step at which it showed; it was not taken."""
        self.reason = reason


@dataclass(frozen=True)
class Rewind:
    """One return to a checkpoint: from which step, to which step, why, and the rows left out since."""

    step: int
    back_to: int
    reason: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Recovery:
    """All returns so far, in order. Their `rows` are positions in the schedule."""

    rewinds: tuple[Rewind, ...] = ()

    @property
    def left_out(self) -> frozenset[int]:
        """Rows that training leaves out."""
        return frozenset(row for rewind in self.rewinds for row in rewind.rows)

    def rate(self, factor: float) -> float:
        """The factor on the recipe's learning rate now, from the `factor` of each return."""
        return factor ** len(self.rewinds)

    def fruitless(self) -> int:
        """The number of last returns that came from no later step than the return before them."""
        pairs = reversed(list(itertools.pairwise(self.rewinds)))
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[1].step <= pair[0].step, pairs))

    def after(self, rewind: Rewind) -> Recovery:
        """The record with another return."""
        return dataclasses.replace(self, rewinds=(*self.rewinds, rewind))

    def write(self, folder: Path) -> None:
        """Write it into the folder of the run, atomically."""
        write_json(folder / RECOVERY_FILE, dataclasses.asdict(self))


def read_recovery(folder: Path) -> Recovery:
    """The record in a run's folder, empty where training never went back. Raises InvalidFile for a damaged file."""
    path = folder / RECOVERY_FILE
    if not path.is_file():
        return Recovery()
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rewinds"]
        return Recovery(tuple(Rewind(r["step"], r["back_to"], r["reason"], tuple(r["rows"])) for r in rows))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InvalidFile(
            f"the record of rewinds {path} cannot be read ({e}); remove it to continue without, or train again"
        ) from e
