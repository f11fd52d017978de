"""The metrics of a run: the trainer's numbers under our names, with speed, memory, the guard's work and time left."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from typing import Any, ClassVar

import torch
from transformers import TrainerCallback

from pipesql.finetune.guard import Guard
from pipesql.finetune.sft.trainer import TargetTrainer
from pipesql.finetune.sft.types import OnMetrics
from pipesql.processes import peak_resident


class Metrics(TrainerCallback):  # type: ignore[misc]
    """Passes every number that the trainer logs to `on_metrics`, renamed, with the speed since the last time.

    The speed leaves out evaluations and the writing of checkpoints. The last step is always logged, evaluated and
    saved, whatever the recipe's intervals.
    """

    NAMES: ClassVar[dict[str, str]] = {
        "loss": "train/loss",
        "mean_token_accuracy": "train/token_accuracy",
        "learning_rate": "train/learning_rate",
        "grad_norm": "train/grad_norm",
        "eval_loss": "eval/loss",
        "eval_mean_token_accuracy": "eval/token_accuracy",
        "eval_ex": "eval/ex",
    }

    def __init__(self, trainer: TargetTrainer, guard: Guard, rewinds: int, epochs: float, on_metrics: OnMetrics):
        self.seconds = 0.0
        """Seconds of training steps so far."""
        self.tokens = 0
        """Tokens computed in training so far, by all processes."""
        self.history: list[tuple[int, dict[str, float]]] = []
        """Everything passed to `on_metrics`, with its step."""
        self._targets = 0
        self._trainer = trainer
        self._guard = guard
        self._rewinds = rewinds
        self._epochs = epochs
        self._on_metrics = on_metrics
        self._began = 0.0
        self._last = (0.0, 0, 0)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock; after the last step, log, evaluate and save."""
        self.seconds += time.perf_counter() - self._began
        if state.global_step >= state.max_steps:
            control.should_log = control.should_evaluate = control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Rename, add our own metrics, and pass on."""
        values = {ours: float(logs[name]) for name, ours in self.NAMES.items() if name in logs} if logs else {}
        if not values:
            return
        # The gradient of a skipped step may not be finite; the count of skipped steps shows it.
        values = {name: value for name, value in values.items() if math.isfinite(value)}
        if "train/learning_rate" in values:
            values |= self._training_metrics(state)
        self.history.append((state.global_step, values))
        self._on_metrics(values, state.global_step)

    def _training_metrics(self, state: Any) -> dict[str, float]:
        """The metrics of training steps beside loss and gradient."""
        self.count()
        found = {
            "train/tokens": float(self.tokens),
            "train/epoch": self._epochs * min(1.0, state.global_step / state.max_steps),
            "train/eta_seconds": (state.max_steps - state.global_step) * self.seconds / max(1, state.global_step),
            "train/peak_memory_gb": peak_memory() / 1e9,
            "guard/skipped": float(self._guard.skipped),
            "guard/rewinds": float(self._rewinds),
        }
        spent = self.seconds - self._last[0]
        if spent > 0:
            found["train/tokens_per_second"] = (self.tokens - self._last[1]) / spent
            found["train/target_tokens_per_second"] = (self._targets - self._last[2]) / spent
        self._last = (self.seconds, self.tokens, self._targets)
        return found

    def count(self) -> tuple[int, int]:
        """Update the counts over all processes, which must all call this; returns tokens, and targets among them."""
        counted = torch.tensor(
            [self._trainer.tokens_seen, self._trainer.targets_seen], device=self._trainer.args.device
        )
        tokens, targets = self._trainer.accelerator.reduce(counted, "sum").tolist()
        self.tokens, self._targets = int(tokens), int(targets)
        return self.tokens, self._targets

    @property
    def learnt(self) -> bool:
        """Whether any step was taken rather than skipped."""
        return any("train/loss" in values for _, values in self.history)

    def summary(self) -> dict[str, float]:
        """One number of each kind: first and last training loss (the last is a mean over the last tenth of the log,
        because single batches differ), best evaluation loss, overall speed."""
        series: dict[str, list[float]] = defaultdict(list)
        for _, values in self.history:
            for name, value in values.items():
                series[name].append(value)
        losses, accuracies = series["train/loss"], series["train/token_accuracy"]
        tail = max(1, len(losses) // 10)
        found = {
            "train/loss_first": losses[0],
            "train/loss_last": sum(losses[-tail:]) / tail,
            "train/token_accuracy_last": sum(accuracies[-tail:]) / tail,
            "train/seconds": self.seconds,
            "train/tokens_per_second_mean": self.tokens / self.seconds,
            "train/target_tokens_per_second_mean": self._targets / self.seconds,
            "train/peak_memory_gb": peak_memory() / 1e9,
            "guard/skipped": float(self._guard.skipped),
            "guard/rewinds": float(self._rewinds),
        }
        if measured := series["eval/loss"]:
            best = measured.index(min(measured))
            found["eval/loss_best"] = measured[best]
            found["eval/token_accuracy_best"] = series["eval/token_accuracy"][best]
        if series["eval/ex"]:
            found["eval/ex_best"] = max(series["eval/ex"])
        return found

    def state(self) -> dict[str, Any]:
        """The state, for JSON."""
        return {"seconds": self.seconds, "last": self._last, "history": self.history}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        self.seconds = float(state["seconds"])
        self._last = (float(state["last"][0]), int(state["last"][1]), int(state["last"][2]))
        self.history = [(int(step), dict(values)) for step, values in state["history"]]


def peak_memory() -> int:
    """Peak of bytes in use so far: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return peak_resident()
