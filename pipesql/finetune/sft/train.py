"""Fine-tune a model on samples.

Training runs from the last checkpoint, if there is one, to the end. Where the guard finds the weights damaged, it goes
back to an earlier checkpoint and continues from there without the rows that did harm. At the end the best checkpoint
becomes the adapter.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import transformers
from transformers import PrinterCallback

from pipesql.chat.template import TEMPLATE
from pipesql.errors import InvalidOption, TrainingDiverged
from pipesql.finetune.adapter import save_adapter, save_full_model
from pipesql.finetune.data.dataset import passes, read_dataset, rows_of_steps, schedule
from pipesql.finetune.distributed import rank
from pipesql.finetune.guard import (
    RECOVERY_FILE,
    Guard,
    GuardCallback,
    Recovery,
    Rewind,
    RewindNeeded,
    read_recovery,
)
from pipesql.finetune.progress import CURVE_FILE, TrainingProgress, draw_curve
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.build import build_trainer
from pipesql.finetune.sft.checkpoints import BestCheckpoint, read_state, step_of
from pipesql.finetune.sft.metrics import Metrics
from pipesql.finetune.sft.types import Job, MeasureEx, OnMetrics, Request, TrainingResult
from pipesql.models import ModelSource, resolve_model
from pipesql.models.folder import base_record
from pipesql.models.load import load_tokenizer


def train(
    samples: Path,
    source: ModelSource,
    recipe: Recipe,
    output: Path,
    limit: int = 0,
    seed: int = 0,
    skip: int = 0,
    *,
    resume: bool = False,
    on_metrics: OnMetrics = lambda values, step: None,
    on_event: Callable[[str], None] = lambda sentence: None,
    measure_ex: MeasureEx | None = None,
) -> TrainingResult:
    """Train on `samples.train.jsonl` of the folder `samples`, and evaluate on its `samples.validation.jsonl` where the
    data were built with it, else on its `samples.dev.jsonl`.

    `limit` and `skip` choose training queries (`data.dataset.read_dataset`). Writes `output/adapter` (safetensors, the
    tokenizer with our chat template, `base.json`) atomically, `output/loss.png`, and `output/checkpoints`. With
    `resume` training continues from the last checkpoint there; otherwise they are removed. `on_metrics` gets every
    measurement with its step, and the summary last; `on_event` a sentence for every return to a checkpoint;
    `measure_ex` gives the execution accuracy on the evaluation queries, for recipes with select ex.

    Raises BadInput for samples that cannot be used, ModelUnavailable, and TrainingDiverged after too many returns to a
    checkpoint; then the best checkpoint is the adapter, if there is one.
    """
    if recipe.select == "ex" and measure_ex is None:
        raise InvalidOption(
            f"recipe {recipe.name} has select ex, but execution accuracy is not measured here; set select: loss"
        )
    tokenizer = load_tokenizer(source)
    tokenizer.chat_template = TEMPLATE
    dataset = read_dataset(samples, tokenizer, recipe, limit, seed, skip)
    details = {
        "recipe": recipe.name,
        "settings": asdict(recipe),
        "layout": dataset.layout,
        "seed": seed,
        "samples": dataset.train.kept,
        "method": "full" if not recipe.use_peft else "qlora" if recipe.load_in_4bit else "lora",
    }
    record = base_record(source, details)
    job = Job(source, tokenizer, recipe, dataset, output, seed, record, on_metrics, measure_ex)
    if not resume:
        _clear(output)
    job.checkpoints.make_ready()
    loop = _train_to_the_end(job, on_event)
    adapter = _adopt_best(job, loop, details)
    summary = loop.metrics.summary()
    on_metrics(summary, loop.trainer.state.global_step)
    return TrainingResult(
        adapter=adapter,
        layout=dataset.layout,
        eval_split=dataset.eval_split,
        train=dataset.train,
        eval=dataset.eval,
        steps=loop.trainer.state.global_step,
        tokens=loop.metrics.tokens,
        seconds=loop.metrics.seconds,
        summary=summary,
    )


def train_request(
    request: Request,
    output: Path,
    *,
    on_metrics: OnMetrics = lambda values, step: None,
    on_event: Callable[[str], None] = lambda sentence: None,
    measure_ex: MeasureEx | None = None,
) -> TrainingResult:
    """Train by a request in its folder, from the last checkpoint if there is one. See `train`."""
    return train(
        request.folder,
        resolve_model(request.model),
        request.recipe,
        output,
        request.limit,
        request.seed,
        request.skip,
        resume=True,
        on_metrics=on_metrics,
        on_event=on_event,
        measure_ex=measure_ex,
    )


class TrainingLoop:
    """The trainer with its callbacks and the schedule, from one return to a checkpoint to the next or to the end."""

    def __init__(self, job: Job, recovery: Recovery, skipped: int = 0) -> None:
        transformers.set_seed(job.seed)
        recipe, progress = job.recipe, TrainingProgress(silent=rank() > 0)
        self._job = job
        self._skipped = skipped
        self.trainer = build_trainer(job, recipe.learning_rate * recovery.rate(recipe.guard_lr_factor))
        processes = self.trainer.accelerator.num_processes
        self.rows_a_step = recipe.rows_a_step * processes
        one_pass = self.trainer.train_dataset
        count = passes(recipe, len(one_pass), processes)
        all_passes = schedule(one_pass, job.dataset.train_rows, recipe, job.seed, count)
        self.kept = [row for row in range(len(all_passes)) if row not in recovery.left_out]
        """Positions in the schedule that are trained on, in their order."""
        self.trainer.train_dataset = all_passes.select(self.kept)
        # For the trainer all passes are a single one.
        self.trainer.args.num_train_epochs = recipe.num_train_epochs / count
        epochs = recipe.num_train_epochs
        if recipe.max_steps > 0:
            epochs = recipe.max_steps * self.rows_a_step / len(one_pass)

        def report(values: dict[str, float], step: int) -> None:
            progress.show(values, step)
            job.on_metrics(values, step)

        self.guard = Guard.of(recipe)
        self.metrics = Metrics(self.trainer, self.guard, len(recovery.rewinds), epochs, report)
        self.best = BestCheckpoint(recipe, self.trainer.weights_finite)
        self.trainer.remove_callback(PrinterCallback)
        guarding = GuardCallback(self.trainer, self.guard, progress.write_line)
        for callback in (self.metrics, progress, guarding, self.best):
            self.trainer.add_callback(callback)
        self.trainer.on_checkpoint = self._finish_checkpoint
        if job.measure_ex is not None and recipe.select == "ex":
            measure = job.measure_ex
            queries, layout = job.dataset.eval_queries, job.dataset.layout
            self.trainer.measure_ex = lambda model: measure(model, job.tokenizer, queries, layout)

    def run(self, checkpoint: Path | None) -> None:
        """Train from the checkpoint, or from the start, to the end. Raises RewindNeeded."""
        if checkpoint is not None:
            state = read_state(checkpoint)
            self.guard.restore(state["guard"])
            self.best.restore(state["best"])
            self.metrics.restore(state["metrics"])
            if self.trainer.accelerator.is_main_process:
                self.trainer.tokens_seen, self.trainer.targets_seen = state["tokens"]
        self.guard.skipped = max(self.guard.skipped, self._skipped)
        self.trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    def _finish_checkpoint(self, step: int) -> None:
        """Add the state that transformers does not write, and move the checkpoint to its place."""
        tokens = self.metrics.count()
        if not self.trainer.accelerator.is_main_process:
            return
        state = {
            "guard": self.guard.state(),
            "best": self.best.state(),
            "metrics": self.metrics.state(),
            "tokens": tokens,
        }
        self._job.checkpoints.finish(step, state, {**self._job.record, "step": step}, self.best.step)


def _train_to_the_end(job: Job, on_event: Callable[[str], None]) -> TrainingLoop:
    """Run the loop until it ends, each time from the checkpoint that the guard chose.

    Raises TrainingDiverged after more rewinds than the recipe allows.
    """
    recovery, checkpoint, skipped = read_recovery(job.output), job.checkpoints.newest(), 0
    while True:
        loop = TrainingLoop(job, recovery, skipped)
        try:
            loop.run(checkpoint)
        except RewindNeeded as need:
            if len(recovery.rewinds) >= job.recipe.guard_rewinds:
                raise _diverged(job, loop, recovery, need) from None
            recovery, checkpoint = _go_back(job, loop, recovery, need, on_event)
            skipped = loop.guard.skipped
        else:
            if not loop.metrics.learnt:
                raise _nothing_learnt(job, loop)
            return loop
        # Free its model before the next one is loaded.
        del loop
        gc.collect()


def _go_back(
    job: Job, loop: TrainingLoop, recovery: Recovery, need: RewindNeeded, on_event: Callable[[str], None]
) -> tuple[Recovery, Path | None]:
    """Choose a checkpoint, record the rows that are left out from there on, and report it."""
    first_bad = need.step - loop.guard.streak  # the step before the bad ones: its update may have done the harm
    fruitless = recovery.after(Rewind(need.step, 0, "", ())).fruitless()
    checkpoint = job.checkpoints.before(first_bad, fruitless)
    back_to = step_of(checkpoint) if checkpoint else 0
    rows = rows_of_steps(range(max(back_to, first_bad - 1), need.step), loop.rows_a_step, loop.kept)
    recovery = recovery.after(Rewind(need.step, back_to, need.reason, rows))
    if loop.trainer.accelerator.is_main_process:
        recovery.write(job.output)
        job.checkpoints.drop_after(back_to)
    loop.trainer.accelerator.wait_for_everyone()
    rate = job.recipe.learning_rate * recovery.rate(job.recipe.guard_lr_factor)
    on_event(
        f"guard: back from step {need.step} to the checkpoint of step {back_to}: {need.reason}; "
        f"{len(rows)} rows are left out, the learning rate is now {rate:.3g}"
    )
    return recovery, checkpoint


def _diverged(job: Job, loop: TrainingLoop, recovery: Recovery, need: RewindNeeded) -> TrainingDiverged:
    """The error after the last rewind. The best checkpoint is kept as the adapter; without one nothing is kept."""
    kept = "no weights were kept"
    if loop.best.step is None:
        _draw(job, loop)
        _clear(job.output)
    else:
        _adopt_best(job, loop, job.record)
        kept = f"the best checkpoint, of step {loop.best.step}, was kept as the adapter"
    return TrainingDiverged(
        f"training diverged at step {need.step} after {len(recovery.rewinds)} rewinds: {need.reason}; {kept}; "
        f"try a learning_rate below {job.recipe.learning_rate:g} or more warmup_steps in the recipe"
    )


def _nothing_learnt(job: Job, loop: TrainingLoop) -> TrainingDiverged:
    """The error after a short run in which every step was skipped."""
    _clear(job.output)
    return TrainingDiverged(
        f"the guard skipped all {loop.trainer.state.global_step} steps, so nothing was learnt; "
        f"try a learning_rate below {job.recipe.learning_rate:g}, or check the data"
    )


def _adopt_best(job: Job, loop: TrainingLoop, details: dict[str, Any]) -> Path:
    """Make the best checkpoint the adapter of the run."""
    trainer, best = loop.trainer, loop.best.step
    if best is not None and (best != trainer.state.global_step or not trainer.weights_finite()):
        trainer.restore_weights(job.checkpoints.at(best))
    folder = job.output / "adapter"
    if trainer.accelerator.is_main_process:
        _draw(job, loop)
        model = trainer.accelerator.unwrap_model(trainer.model)
        save = save_adapter if job.recipe.use_peft else save_full_model
        save(model, job.tokenizer, folder, job.source, {**details, "step": best})
    trainer.accelerator.wait_for_everyone()
    return folder


def _draw(job: Job, loop: TrainingLoop) -> None:
    """Draw the loss curve, also that of a run that diverged."""
    rewinds = [rewind.step for rewind in read_recovery(job.output).rewinds]
    title = f"{job.source.name}, recipe {job.recipe.name}, {job.dataset.layout} layout"
    draw_curve(loop.metrics.history, title, job.output / CURVE_FILE, loop.best.step, rewinds)


def _clear(output: Path) -> None:
    """Remove the checkpoints and the record of rewinds of an earlier run."""
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
    (output / RECOVERY_FILE).unlink(missing_ok=True)
