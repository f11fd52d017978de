"""The guard inside the training loop: it sees every step between its gradient and its update."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from pipesql.finetune.guard import Guard
from pipesql.finetune.recovery import RewindNeeded

if TYPE_CHECKING:
    from pipesql.finetune.trainer import TargetTrainer


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
