"""Which checkpoint is the best one, and when waiting for a better one ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from pipesql.finetune.recipe import Recipe


class Selection(TrainerCallback):  # type: ignore[misc]
    """Remembers the best evaluation, has its checkpoint saved, and stops a run that no longer gets better.

    By recipe.select: the lowest `eval_loss`, or the highest `eval_ex` (execution accuracy). A model that is not `sound`
    is never the best.
    """

    def __init__(self, recipe: Recipe, sound: Callable[[], bool]) -> None:
        self.metric = f"eval_{recipe.select}"
        self.step: int | None = None
        """The optimizer step of the best evaluation so far."""
        self.value = math.nan
        self.fruitless = 0
        """Evaluations since the best one."""
        self._patience = recipe.early_stopping_patience
        self._higher = recipe.select == "ex"
        self._sound = sound

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """Compare; ask for a checkpoint where this is the best so far, and for the end where patience is over."""
        value = float(metrics[self.metric])
        if self._sound() and math.isfinite(value) and (self.step is None or self._better(value)):
            self.step, self.value, self.fruitless = state.global_step, value, 0
            control.should_save = True
            return
        self.fruitless += 1
        if self._patience and self.fruitless >= self._patience:
            control.should_training_stop = True

    def _better(self, value: float) -> bool:
        return value > self.value if self._higher else value < self.value

    def state(self) -> dict[str, Any]:
        """What is remembered, as JSON."""
        return {"step": self.step, "value": None if self.step is None else self.value, "fruitless": self.fruitless}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.step, self.fruitless = state["step"], state["fruitless"]
        self.value = math.nan if state["value"] is None else float(state["value"])
