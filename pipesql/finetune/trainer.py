"""TRL's SFTTrainer, told what it does not do by itself: metrics of every kind through one callback, a stop at the first
number that is not finite, and on a CPU logits for the targets alone."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from transformers import TrainerCallback
from trl import SFTTrainer

from pipesql.errors import TrainingDiverged
from pipesql.finetune.tokenise import IGNORED

OnMetrics = Callable[[dict[str, float], int], None]
"""(metrics, optimizer step): names grouped as `train/…` and `eval/…`."""


class TargetTrainer(SFTTrainer):
    """SFTTrainer over rows that bring their own labels.

    Adds the counts `tokens_seen` and `targets_seen` (training only), and a cheaper loss on CPUs: TRL's fused head
    projects every position onto the vocabulary there, though a fifth of them are targets.
    """

    tokens_seen = 0
    targets_seen = 0
    _eval_loss = 0.0
    _eval_right = 0.0
    _eval_targets = 0

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean cross-entropy of the targets; see SFTTrainer for the parameters. Raises TrainingDiverged."""
        targets = int((inputs["labels"][:, 1:] != IGNORED).sum())
        if self.model.training:
            self.tokens_seen += inputs["input_ids"].numel()
            self.targets_seen += targets
        if inputs["input_ids"].device.type == "cpu" and not return_outputs:
            loss = self._loss_of_targets(model, inputs, num_items_in_batch)
        else:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        value = (loss[0] if return_outputs else loss).detach()
        if not torch.isfinite(value):
            raise self.diverged(f"the loss is {float(value)}", self.state.global_step + 1)
        if not self.model.training:
            self._eval_loss += float(value) * targets
            self._eval_targets += targets
            self._eval_right += self._metrics["eval"]["mean_token_accuracy"].pop() * targets
        return loss

    def _loss_of_targets(self, model: Any, inputs: Mapping[str, torch.Tensor], total: Any) -> torch.Tensor:
        """The same loss and token accuracy, with logits only where some row of the batch has a target."""
        labels = inputs["labels"][:, 1:]
        columns = (labels != IGNORED).any(0).nonzero()[:, 0]
        rest = {k: v for k, v in inputs.items() if k != "labels"}
        logits = model(**rest, use_cache=False, logits_to_keep=columns).logits
        labels = labels[:, columns]
        wanted = labels != IGNORED
        chosen, targets = logits[wanted].float(), labels[wanted]
        summed = torch.nn.functional.cross_entropy(chosen, targets, reduction="sum")
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["mean_token_accuracy"].append((chosen.detach().argmax(-1) == targets).float().mean().item())
        return summed / (len(targets) if total is None else total)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As in Trainer, but loss and token accuracy are means over targets, not over batches of unequal size."""
        self._eval_loss, self._eval_right, self._eval_targets = 0.0, 0.0, 0
        output = super().evaluation_loop(*args, **kwargs)
        if "eval_loss" in output.metrics and self._eval_targets:
            output.metrics["eval_loss"] = self._eval_loss / self._eval_targets
            self._metrics["eval"]["mean_token_accuracy"] = [self._eval_right / self._eval_targets]
        return output

    def diverged(self, what: str, step: int) -> TrainingDiverged:
        """The error for a number that is not finite."""
        return TrainingDiverged(
            f"training diverged at step {step}: {what}; no weights of it were kept, "
            f"try a learning_rate below {self.args.learning_rate:g} or more warmup_steps in the recipe"
        )


class Metrics(TrainerCallback):  # type: ignore[misc]
    """Hands every number that the trainer logs to `on_metrics`, renamed, with the speed since the last time.

    Seconds spent in evaluation and in writing checkpoints do not count for the speed. The last step is always
    measured and kept, wherever the interval of evaluations falls.
    """

    NAMES: ClassVar[dict[str, str]] = {
        "loss": "train/loss",
        "mean_token_accuracy": "train/token_accuracy",
        "learning_rate": "train/learning_rate",
        "grad_norm": "train/grad_norm",
        "eval_loss": "eval/loss",
        "eval_mean_token_accuracy": "eval/token_accuracy",
    }

    def __init__(self, trainer: TargetTrainer, on_metrics: OnMetrics) -> None:
        self.seconds = 0.0
        """Time in training steps so far."""
        self._trainer = trainer
        self._on_metrics = on_metrics
        self._began = 0.0
        self._last = (0.0, 0, 0)
        self._history: dict[str, list[float]] = defaultdict(list)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock; ask for a last evaluation at the end."""
        self.seconds += time.perf_counter() - self._began
        if state.global_step >= state.max_steps:
            control.should_evaluate = control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Rename, add the speed, hand on. Raises TrainingDiverged for a gradient norm that is not finite."""
        values = {ours: float(logs[name]) for name, ours in self.NAMES.items() if name in logs} if logs else {}
        if "train/loss" not in values and "eval/loss" not in values:
            return
        if not math.isfinite(values.get("train/grad_norm", 0.0)):
            raise self._trainer.diverged(f"the gradient norm is {values['train/grad_norm']}", state.global_step)
        if "train/loss" in values:
            now = (self.seconds, self._trainer.tokens_seen, self._trainer.targets_seen)
            spent = now[0] - self._last[0]
            values["train/tokens"] = float(now[1])
            if spent > 0:
                values["train/tokens_per_second"] = (now[1] - self._last[1]) / spent
                values["train/target_tokens_per_second"] = (now[2] - self._last[2]) / spent
            self._last = now
        for name, value in values.items():
            self._history[name].append(value)
        self._on_metrics(values, state.global_step)

    def summary(self) -> dict[str, float]:
        """One number of each kind: first and last training loss (the last a mean over the last tenth of what was
        logged, since single batches differ), best evaluation loss, speed overall."""
        losses, accuracies = self._history["train/loss"], self._history["train/token_accuracy"]
        tail = max(1, len(losses) // 10)
        found = {
            "train/loss_first": losses[0],
            "train/loss_last": sum(losses[-tail:]) / tail,
            "train/token_accuracy_last": sum(accuracies[-tail:]) / tail,
            "train/seconds": self.seconds,
            "train/tokens_per_second_mean": self._trainer.tokens_seen / self.seconds,
            "train/target_tokens_per_second_mean": self._trainer.targets_seen / self.seconds,
        }
        if measured := self._history["eval/loss"]:
            best = measured.index(min(measured))
            found["eval/loss_best"] = measured[best]
            found["eval/token_accuracy_best"] = self._history["eval/token_accuracy"][best]
        return found
