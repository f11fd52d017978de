"""Fine-tune a model on samples: from the last checkpoint where there is one, back to an earlier one where the guard
says so, until the end; the best checkpoint becomes the adapter.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipesql.chat.template import TEMPLATE
from pipesql.errors import BadInput, TrainingDiverged
from pipesql.finetune.adapter import base_record, save_adapter, save_whole_model
from pipesql.finetune.data.dataset import read_material, rows_of_steps
from pipesql.finetune.progress import FILE as CURVE
from pipesql.finetune.progress import draw_curve
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.attempt import Attempt, Job, MeasureEx
from pipesql.finetune.sft.checkpoints import step_of
from pipesql.finetune.sft.guard import FILE, Recovery, Rewind, RewindNeeded, read_recovery
from pipesql.finetune.sft.metrics import OnMetrics
from pipesql.finetune.sft.request import Request, Training
from pipesql.models import ModelSource, resolve_model
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
) -> Training:
    """Train on `samples.train.jsonl` of the folder `samples`, measure on its `samples.validation.jsonl` where the data
    were built with one, else on its `samples.dev.jsonl`.

    `limit`: the samples of at most that many training queries (0: as the recipe says), of those that a run with the
    limit `skip` and the same seed did not draw. Writes `output/adapter`
    (safetensors, tokenizer with our chat template, `base.json`), whole or not at all, `output/loss.png`, and
    `output/checkpoints`. With
    `resume` training goes on from the last whole checkpoint there, else what is there is removed. `on_metrics` gets
    every measurement with its step, and the summary last; `on_event` a sentence for every return to a checkpoint;
    `measure_ex` gives the execution accuracy on the evaluation queries, for recipes with select ex.
    Raises BadInput for samples that cannot be used, ModelUnavailable, and TrainingDiverged where the guard gives up:
    the best checkpoint until then is the adapter, if there is one.
    """
    if recipe.select == "ex" and measure_ex is None:
        raise BadInput(f"recipe {recipe.name} selects by execution accuracy, which nobody measures here: select loss")
    tokenizer = load_tokenizer(source)
    tokenizer.chat_template = TEMPLATE
    material = read_material(samples, tokenizer, recipe, limit, seed, skip)
    details = {
        "recipe": recipe.name,
        "settings": asdict(recipe),
        "layout": material.layout,
        "seed": seed,
        "samples": material.train.kept,
        "method": "full" if not recipe.use_peft else "qlora" if recipe.load_in_4bit else "lora",
    }
    record = base_record(source, details)
    job = Job(source, tokenizer, recipe, material, output, seed, record, on_metrics, measure_ex)
    if not resume:
        _clear(output)
    job.checkpoints.make_ready()
    attempt = _to_the_end(job, on_event)
    adapter = _adopt_best(job, attempt, details)
    summary = attempt.metrics.summary()
    on_metrics(summary, attempt.trainer.state.global_step)
    return Training(
        adapter=adapter,
        layout=material.layout,
        measured=material.measured,
        train=material.train,
        eval=material.eval,
        steps=attempt.trainer.state.global_step,
        tokens=attempt.metrics.tokens,
        seconds=attempt.metrics.seconds,
        summary=summary,
    )


def train_request(
    request: Request,
    output: Path,
    *,
    on_metrics: OnMetrics = lambda values, step: None,
    on_event: Callable[[str], None] = lambda sentence: None,
    measure_ex: MeasureEx | None = None,
) -> Training:
    """Do what a request says in its folder, from the last checkpoint where there is one. See `train`."""
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


def _to_the_end(job: Job, on_event: Callable[[str], None]) -> Attempt:
    """Attempt after attempt, until one ends well. Raises TrainingDiverged after more rewinds than the recipe allows."""
    recovery, checkpoint, skipped = read_recovery(job.output), job.checkpoints.newest(), 0
    while True:
        attempt = Attempt(job, recovery, skipped)
        try:
            attempt.run(checkpoint)
        except RewindNeeded as need:
            if len(recovery.rewinds) >= job.recipe.guard_rewinds:
                raise _given_up(job, attempt, recovery, need) from None
            recovery, checkpoint = _go_back(job, attempt, recovery, need, on_event)
            skipped = attempt.guard.skipped
        else:
            if not attempt.metrics.learnt:
                raise _nothing_learnt(job, attempt)
            return attempt
        # Its model must be gone before the next one is loaded.
        del attempt
        gc.collect()


def _go_back(
    job: Job, attempt: Attempt, recovery: Recovery, need: RewindNeeded, on_event: Callable[[str], None]
) -> tuple[Recovery, Path | None]:
    """Choose the checkpoint, note what is left out from there on, and say so."""
    first_bad = need.step - attempt.guard.streak  # the step before the bad ones: its update may have done the harm
    fruitless = recovery.after(Rewind(need.step, 0, "", ())).fruitless()
    checkpoint = job.checkpoints.before(first_bad, fruitless)
    back_to = step_of(checkpoint) if checkpoint else 0
    rows = rows_of_steps(range(max(back_to, first_bad - 1), need.step), attempt.rows_a_step, attempt.kept)
    recovery = recovery.after(Rewind(need.step, back_to, need.reason, rows))
    if attempt.trainer.accelerator.is_main_process:
        recovery.write(job.output)
        job.checkpoints.drop_after(back_to)
    attempt.trainer.accelerator.wait_for_everyone()
    rate = job.recipe.learning_rate * recovery.rate(job.recipe.guard_lr_factor)
    on_event(
        f"guard: back from step {need.step} to the checkpoint of step {back_to}: {need.reason}; "
        f"{len(rows)} rows are left out, the learning rate is now {rate:.3g}"
    )
    return recovery, checkpoint


def _given_up(job: Job, attempt: Attempt, recovery: Recovery, need: RewindNeeded) -> TrainingDiverged:
    """The error after the last rewind; the best checkpoint is kept as the adapter, without one nothing is."""
    kept = "no weights of it were kept"
    if attempt.selection.step is None:
        _draw(job, attempt)
        _clear(job.output)
    else:
        _adopt_best(job, attempt, job.record)
        kept = f"the best checkpoint, of step {attempt.selection.step}, was kept as the adapter"
    return TrainingDiverged(
        f"training diverged at step {need.step} after {len(recovery.rewinds)} rewinds: {need.reason}; {kept}; "
        f"try a learning_rate below {job.recipe.learning_rate:g} or more warmup_steps in the recipe"
    )


def _nothing_learnt(job: Job, attempt: Attempt) -> TrainingDiverged:
    """The error after a short run all of whose steps were skipped."""
    _clear(job.output)
    return TrainingDiverged(
        f"the guard skipped every one of {attempt.trainer.state.global_step} steps, so nothing was learnt; "
        f"try a learning_rate below {job.recipe.learning_rate:g}, or see what is wrong with the data"
    )


def _adopt_best(job: Job, attempt: Attempt, details: dict[str, Any]) -> Path:
    """Make the best checkpoint the adapter of the run."""
    trainer, best = attempt.trainer, attempt.selection.step
    if best is not None and (best != trainer.state.global_step or not trainer.sound()):
        trainer.restore_weights(job.checkpoints.at(best))
    folder = job.output / "adapter"
    if trainer.accelerator.is_main_process:
        _draw(job, attempt)
        model = trainer.accelerator.unwrap_model(trainer.model)
        save = save_adapter if job.recipe.use_peft else save_whole_model
        save(model, job.tokenizer, folder, job.source, {**details, "step": best})
    trainer.accelerator.wait_for_everyone()
    return folder


def _draw(job: Job, attempt: Attempt) -> None:
    """Draw the loss curve; of a run that diverged, too."""
    rewinds = [rewind.step for rewind in read_recovery(job.output).rewinds]
    title = f"{job.source.name}, recipe {job.recipe.name}, {job.material.layout} layout"
    draw_curve(attempt.metrics.history, title, job.output / CURVE, attempt.selection.step, rewinds)


def _clear(output: Path) -> None:
    """Remove what an earlier run left in the folder."""
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
    (output / FILE).unlink(missing_ok=True)
