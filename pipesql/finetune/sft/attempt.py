"""One stretch of training, from a checkpoint or from the start until it ends or the guard sends it back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PrinterCallback

from pipesql.finetune.attention.kernels import use_fused_kernels
from pipesql.finetune.attention.masks import choose_attention
from pipesql.finetune.data.dataset import Material, as_dataset, lay_out, passes, rows_a_step
from pipesql.finetune.plan.devices import this_device
from pipesql.finetune.plan.forecast import choose_checkpointing
from pipesql.finetune.processes import rank
from pipesql.finetune.progress import Progress
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.arguments import lora_config, precision, quantization, sft_config
from pipesql.finetune.sft.checkpoints import Checkpoints, Selection, read_progress
from pipesql.finetune.sft.guard import Guard, Guarding, Recovery
from pipesql.finetune.sft.metrics import Metrics, OnMetrics
from pipesql.finetune.sft.trainer import TargetTrainer
from pipesql.models import ModelSource
from pipesql.models.load import choose_device, load_model

MeasureEx = Callable[[Any, Any, Sequence[str], str], float]
"""(model, tokenizer, ids of queries, layout) → execution accuracy."""


@dataclass(frozen=True)
class Job:
    """What is trained on what, and how: all that stays the same from attempt to attempt."""

    source: ModelSource
    tokenizer: Any
    recipe: Recipe
    material: Material
    output: Path
    seed: int
    record: dict[str, Any]
    """What `base.json` of its checkpoints says."""
    on_metrics: OnMetrics
    measure_ex: MeasureEx | None = None

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.output)


class Attempt:
    """A trainer with its callbacks, made for a job as `recovery` says that it goes on."""

    def __init__(self, job: Job, recovery: Recovery, skipped: int = 0) -> None:
        transformers.set_seed(job.seed)
        recipe, progress = job.recipe, Progress(silent=rank() > 0)
        self._job = job
        self._skipped = skipped
        self.trainer = _trainer(job, recipe.learning_rate * recovery.rate(recipe.guard_lr_factor))
        self.rows_a_step = rows_a_step(recipe, self.trainer.accelerator.num_processes)
        one_pass = self.trainer.train_dataset
        count = passes(recipe, len(one_pass), self.trainer.accelerator.num_processes)
        whole = lay_out(one_pass, job.material.train_rows, recipe, job.seed, count)
        self.kept = [row for row in range(len(whole)) if row not in recovery.left_out]
        """Numbers of the rows that are learnt, in their order."""
        self.trainer.train_dataset = whole.select(self.kept)
        # The trainer sees all passes as one.
        self.trainer.args.num_train_epochs = recipe.num_train_epochs / count
        epochs = recipe.num_train_epochs
        if recipe.max_steps > 0:
            epochs = recipe.max_steps * self.rows_a_step / len(one_pass)

        def report(values: dict[str, float], step: int) -> None:
            progress.show(values, step)
            job.on_metrics(values, step)

        self.guard = Guard.of(recipe)
        self.metrics = Metrics(self.trainer, self.guard, len(recovery.rewinds), epochs, report)
        self.selection = Selection(recipe, self.trainer.sound)
        self.trainer.remove_callback(PrinterCallback)
        for callback in (self.metrics, progress, Guarding(self.trainer, self.guard, progress.say), self.selection):
            self.trainer.add_callback(callback)
        self.trainer.on_checkpoint = self._complete
        if job.measure_ex is not None and recipe.select == "ex":
            measure = job.measure_ex
            queries, layout = job.material.eval_queries, job.material.layout
            self.trainer.measure_ex = lambda model: measure(model, job.tokenizer, queries, layout)

    def run(self, checkpoint: Path | None) -> None:
        """Train from the checkpoint to the end. Raises RewindNeeded."""
        if checkpoint is not None:
            state = read_progress(checkpoint)
            self.guard.restore(state["guard"])
            self.selection.restore(state["selection"])
            self.metrics.restore(state["metrics"])
            if self.trainer.accelerator.is_main_process:
                self.trainer.tokens_seen, self.trainer.targets_seen = state["tokens"]
        self.guard.skipped = max(self.guard.skipped, self._skipped)
        self.trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    def _complete(self, step: int) -> None:
        """Give a checkpoint what transformers does not write, and move it to its place."""
        tokens = self.metrics.count()
        if not self.trainer.accelerator.is_main_process:
            return
        progress = {
            "guard": self.guard.state(),
            "selection": self.selection.state(),
            "metrics": self.metrics.state(),
            "tokens": tokens,
        }
        self._job.checkpoints.finish(step, progress, {**self._job.record, "step": step}, self.selection.step)


def _trainer(job: Job, learning_rate: float) -> TargetTrainer:
    recipe, device = job.recipe, choose_device()
    # Trained weights are kept in float32; where the pass computes in less, autocast sees to it.
    dtype = torch.float32 if device == "cpu" or not recipe.use_peft else None
    model = load_model(job.source, device, dtype, quantization(recipe, device))
    model.config.use_cache = False
    attention = choose_attention(device, recipe.packing, recipe.attn_implementation)
    attention.use_in(model)
    longest = recipe.max_length if recipe.packing != "none" else job.material.train.longest
    again, why = choose_checkpointing(model.config.to_dict(), recipe, this_device(device.partition(":")[0]), longest)
    said = (f"device: {device}, {precision(recipe, device)}", attention.said, use_fused_kernels(model, device), why)
    for line in said:
        if line and rank() == 0:
            print(line, file=sys.stderr)
    shared = recipe.packing == "shared"
    unfinished = job.checkpoints.unfinished
    trainer = TargetTrainer(
        model=model,
        args=sft_config(recipe, unfinished, device, job.seed, recipe.num_train_epochs, learning_rate, again),
        train_dataset=as_dataset(job.material.train_rows, recipe, job.seed),
        eval_dataset=as_dataset(job.material.eval_rows, recipe, job.seed),
        processing_class=job.tokenizer,
        peft_config=lora_config(recipe) if recipe.use_peft else None,
        data_collator=attention.collate if shared else None,
    )
    if recipe.load_in_4bit:
        # TRL makes the adapter of a base in 4 bits bfloat16, in which small updates are lost.
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    return trainer
