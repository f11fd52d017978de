"""TRL's SFTTrainer with additions: logits only for targets on a CPU, means over targets, atomic checkpoints, and the
loss and gradient norm of each step for the guard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from trl import SFTTrainer

from pipesql.finetune.data.tokenise import IGNORED


class TargetTrainer(SFTTrainer):
    """SFTTrainer over rows with their own labels.

    Adds the counts `tokens_seen` and `targets_seen` (of this process, in training), `step_loss` and `step_norm` (of the
    current optimizer step), and a cheaper loss on CPUs: there TRL's fused head projects every position onto the
    vocabulary, although only a fifth of them are targets.
    """

    tokens_seen = 0
    targets_seen = 0
    step_norm = 0.0
    on_checkpoint: Callable[[int], None] | None = None
    """Called with the step, in every process, when transformers has written a checkpoint into `args.output_dir`."""
    measure_ex: Callable[[Any], float] | None = None
    """Measures the execution accuracy of a model at every evaluation, where it is set."""
    _step_losses: tuple[torch.Tensor, ...] = ()
    _taken: tuple[float, ...] = ()
    _eval_loss = 0.0
    _eval_right = 0.0
    _eval_targets = 0
    _eval_batches = 0

    @property
    def step_loss(self) -> torch.Tensor:
        """Mean loss of the targets of the current optimizer step (a scalar)."""
        return torch.stack(self._step_losses).sum()

    def begin_step(self) -> None:
        """Forget the losses of the last optimizer step."""
        self._step_losses = ()

    def count_step(self, loss: float) -> None:
        """Count the current optimizer step as taken: its loss will be logged."""
        self._taken += (loss,)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in SFTTrainer, but the training loss is a mean over the steps that were taken, without skipped ones."""
        if "loss" in logs:
            del logs["loss"]
            if self._taken:
                logs["loss"] = sum(self._taken) / len(self._taken)
            self._taken = ()
        super().log(logs, start_time)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """As in SFTTrainer; remembers the loss until the optimizer's step."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self._step_losses += (loss.detach(),)
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """As in Trainer; remembers the norm."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        self.step_norm = float(norm)
        return norm

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean cross-entropy of the targets; see SFTTrainer for the parameters."""
        targets = int((inputs["labels"][:, 1:] != IGNORED).sum())
        if self.model.training:
            self.tokens_seen += inputs["input_ids"].numel()
            self.targets_seen += targets
        if inputs["input_ids"].device.type == "cpu":
            loss = self._loss_of_targets(model, inputs, num_items_in_batch if self.model.training else None)
            loss = (loss, {}) if return_outputs else loss
        else:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if not self.model.training and not self._is_filler():
            self._eval_loss += float((loss[0] if return_outputs else loss).detach()) * targets
            self._eval_targets += targets
            self._eval_right += self._metrics["eval"]["mean_token_accuracy"].pop() * targets
        return loss

    def _is_filler(self) -> bool:
        """Whether this evaluation batch repeats rows so that every process gets equally many batches."""
        number = self._eval_batches * self.accelerator.num_processes + self.accelerator.process_index
        self._eval_batches += 1
        return number >= math.ceil(len(self.eval_dataset) / self.args.per_device_eval_batch_size)

    def _loss_of_targets(self, model: Any, inputs: Mapping[str, torch.Tensor], total: Any) -> torch.Tensor:
        """The same loss and token accuracy, with logits only for positions where a row of the batch has a target."""
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
        if total is None:
            return summed / len(targets)
        # `total` counts the targets of every process, and gradients are averaged over them.
        return summed / total * self.accelerator.num_processes

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As in Trainer, but loss and token accuracy are means over targets, not over batches of unequal size; with
        the execution accuracy if it is measured."""
        self._eval_loss, self._eval_right, self._eval_targets, self._eval_batches = 0.0, 0.0, 0, 0
        output = super().evaluation_loop(*args, **kwargs)
        if "eval_loss" in output.metrics and self._eval_targets:
            sums = torch.tensor([self._eval_loss, self._eval_right, self._eval_targets], dtype=torch.float64)
            loss, right, targets = self.accelerator.reduce(sums.to(self.args.device), "sum").tolist()
            output.metrics["eval_loss"] = loss / targets
            self._metrics["eval"]["mean_token_accuracy"] = [right / targets]
        if self.measure_ex is not None:
            measured = 0.0
            if self.accelerator.is_main_process:  # the others wait for its result
                measured = self.measure_ex(self.accelerator.unwrap_model(self.model))
            shared = torch.tensor(measured, dtype=torch.float64, device=self.args.device)
            output.metrics["eval_ex"] = self.accelerator.reduce(shared, "sum").item()
        return output

    def weights_finite(self) -> bool:
        """Whether every trained weight is finite."""
        return all(bool(torch.isfinite(p).all()) for p in self.model.parameters() if p.requires_grad)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint unless a weight is not finite, without the model card that TRL would write each time."""
        if not self.weights_finite():
            return
        Trainer._save_checkpoint(self, model, trial)
        self.accelerator.wait_for_everyone()
        if self.on_checkpoint is not None:
            self.on_checkpoint(self.state.global_step)
        self.accelerator.wait_for_everyone()

    def save_start(self) -> None:
        """Write a checkpoint before the first step, so that there is always one to go back to."""
        self._save_checkpoint(self.model, None)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As in Trainer; then set the learning rate to that of `args`, which may differ from the checkpoint's."""
        super()._load_optimizer_and_scheduler(checkpoint)
        for base, group in zip(self.lr_scheduler.base_lrs, self.optimizer.param_groups, strict=True):
            if base != self.args.learning_rate:
                group["lr"] *= self.args.learning_rate / base
                group["initial_lr"] = self.args.learning_rate
        self.lr_scheduler.base_lrs = [self.args.learning_rate] * len(self.lr_scheduler.base_lrs)

    def restore_weights(self, checkpoint: Path) -> None:
        """Load a checkpoint's weights into the model."""
        self._load_from_checkpoint(str(checkpoint))
