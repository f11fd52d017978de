"""Faults that kill a training run, each put into the real trainer at a chosen step: what the guard is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pipesql.finetune.data.tokenise import IGNORED
from pipesql.finetune.guard import Decision, Guard, GuardCallback
from pipesql.finetune.sft.trainer import TargetTrainer

POISONED = 4
"""Batches in a row that a poisoned batch fault turns into noise."""
KINDS = ("nan loss", "inf gradient", "spike", "poisoned batch", "nan in the optimizer")


@dataclass(frozen=True)
class Fault:
    """A fault of one of KINDS at an optimizer step, counted from 0."""

    kind: str
    step: int

    def __str__(self) -> str:
        return f"{self.kind} at step {self.step}"


def plant(fault: Fault, patch: Callable[[Any, str, Any], None]) -> None:
    """Put the fault into the trainer by `patch(owner, name, value)`.

    A poisoned batch is one of the data: it comes back whenever its rows do. All others strike once.
    """
    struck: list[bool] = []

    def now(trainer: TargetTrainer) -> bool:
        if struck or trainer.state.global_step != fault.step or not trainer.model.training:
            return False
        struck.append(True)
        return True

    loss_of, clip = TargetTrainer.compute_loss, TargetTrainer._clip_grad_norm

    poisoned: set[tuple[int, ...]] = set()

    def compute_loss(self: TargetTrainer, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        rows = tuple(inputs["input_ids"].flatten().tolist())
        if fault.kind == "poisoned batch" and self.model.training:
            if len(poisoned) < POISONED and self.state.global_step >= fault.step:
                poisoned.add(rows)
            if rows in poisoned:
                labels = inputs["labels"]
                noise = torch.randint(3, 500, labels.shape, generator=torch.Generator().manual_seed(fault.step))
                inputs = {**inputs, "labels": torch.where(labels == IGNORED, labels, noise.to(labels.device))}
                return loss_of(self, model, inputs, *args, **kwargs) * 1e3
        loss = loss_of(self, model, inputs, *args, **kwargs)
        return loss * float("nan") if fault.kind == "nan loss" and now(self) else loss

    def clip_grad_norm(self: TargetTrainer, model: Any) -> Any:
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        if fault.kind == "inf gradient" and now(self):
            grads[0].view(-1)[0] = float("inf")
        if fault.kind == "spike" and now(self):
            draw = torch.Generator().manual_seed(fault.step)
            for grad in grads:
                grad.copy_(torch.randn(grad.shape, generator=draw) * 1e6)
        if fault.kind == "nan in the optimizer" and now(self):
            for state in list(self.optimizer.state.values())[:1]:
                state["exp_avg"].view(-1)[0] = float("nan")
        return clip(self, model)

    patch(TargetTrainer, "compute_loss", compute_loss)
    patch(TargetTrainer, "_clip_grad_norm", clip_grad_norm)


def switch_off_guard(patch: Callable[[Any, str, Any], None]) -> None:
    """Train as if there were no guard."""
    patch(Guard, "decide", lambda self, loss, norm: Decision("accept"))
    patch(GuardCallback, "on_evaluate", lambda self, *args, **kwargs: None)
