"""What the step `train` does in its run: train, and log what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipesql.errors import TrainingDiverged
from pipesql.finetune.processes import share
from pipesql.finetune.progress import FILE as CURVE
from pipesql.storage import file_digest, write_json

if TYPE_CHECKING:
    from pipesql.finetune.sft.request import Request, Training
    from pipesql.tracking.runs import StepRun


def trained(run: StepRun, request: Request, output: Path) -> Training:
    """Train, with every number and event going to the run. What the guard could save of a run that failed is logged."""
    from pipesql.evaluate.model_evaluation import accuracy_on
    from pipesql.finetune.sft.train import train_request
    from pipesql.models.machine import machine

    def event(sentence: str) -> None:
        click.echo(sentence, err=True)
        run.tags(**{"pipesql.guard": sentence})

    write_json(output / "environment.json", machine())
    run.artifact(output / "environment.json")
    measure = accuracy_on(request.folder) if request.recipe.select == "ex" else None
    share((request, output))
    try:
        return train_request(request, output, on_metrics=run.metrics, on_event=event, measure_ex=measure)
    except TrainingDiverged:
        for path, place in ((output / "adapter", "adapter"), (output / CURVE, "")):
            if path.exists():
                run.artifact(path, place)
        raise


def finish(run: StepRun, request: Request, output: Path, result: Training) -> None:
    """Log inputs and outputs."""
    for split, rows in (("train", result.train.samples), (result.measured, result.eval.samples)):
        path = request.folder / f"samples.{split}.jsonl"
        run.dataset(f"{request.folder.name}-{split}", path, file_digest(path), split, rows)
    for path, place in ((result.write(output), ""), (output / CURVE, ""), (result.adapter, "adapter")):
        run.artifact(path, place)
    click.echo(f"{request.model}, recipe {request.recipe.name}, {request.folder.name}, run {run.run_id}")
