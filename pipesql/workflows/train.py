"""Step `train`: samples become an adapter of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipesql.errors import NoSuchRun, TrainingDiverged
from pipesql.finetune.distributed import rank, relaunch, share, started_together
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.options import as_arguments, as_parameters, option, overrides
from pipesql.storage import file_digest, write_json
from pipesql.tracking import tags

if TYPE_CHECKING:
    from pipesql.finetune.sft.types import Request, TrainingResult
    from pipesql.tracking.open_run import StepRun


@dataclass(frozen=True)
class TrainOptions:
    """Model, recipe and data of a training, or the run to resume."""

    model: str = option("smol", "tiny, smol, 0.5b … 7b, a hub id, a folder, or a version: models:/pipesql/2.")
    recipe: str = option("auto", "A recipe's name or a YAML file; auto: chosen by the model.")
    data: str = option("auto", "Training data: auto (the newest data run), the id of a data run, or a folder.")
    limit: int = option(0, "Use up to N training queries; 0: as the recipe says.")
    skip: int = option(0, "Skip the queries that a run with limit=SKIP and the same seed was trained on.")
    seed: int = option(0, "Draws the samples, their order and the adapter's first weights.")
    resume: str = option("", "Resume a run that did not finish: its id, or last. Other options are then ignored.")
    processes: int = option(1, "Processes on this machine, one for each GPU (torchrun).")
    overrides: Mapping[str, str] = overrides(Recipe)


def train(options: TrainOptions) -> str:
    """Fine-tune a model on samples.

    Options named like fields of a recipe override it.
    """
    if options.processes > 1 and not started_together():
        relaunch("pipesql", ["train", *as_arguments(as_parameters(options))], options.processes)
    if rank():  # only the first process knows MLflow
        from pipesql.finetune.sft.train import train_request

        train_request(*share(None))
        return ""
    from pipesql.tracking.lookup import unfinished_run
    from pipesql.tracking.runs import step_run

    earlier = unfinished_run("train", options.resume).run_id if options.resume else ""
    with step_run("train", resume=earlier, system_metrics=True) as run:
        request, output = _resumed(run) if earlier else _opened(run, options)
        result = _trained(run, request, output)
        _log(run, request, output, result)
    return result.text()


def chosen_data(data: str) -> tuple[Path, str]:
    """The data folder and its run; for `auto` the data step runs first if there is no data run yet."""
    from pipesql.tracking.lookup import data_folder
    from pipesql.tracking.pipeline import run_entry

    try:
        return data_folder(data)
    except NoSuchRun:
        if data not in ("", "auto"):
            raise
        click.echo("there is no finished data run yet: running the data step with its defaults first", err=True)
        return data_folder(run_entry("data"))


def log_leaks(run: StepRun, folder: Path, output: Path) -> None:
    """Examine the folder's samples for leaks; the report is written to `output` and logged. Raises PipesqlError."""
    from pipesql.samples.examine import examine
    from pipesql.samples.leaks import LEAKS, leak_metrics

    write_json(output / LEAKS, report := examine(folder))
    run.metrics(leak_metrics(report))
    run.artifact(output / LEAKS)


def _place(run: StepRun) -> Path:
    """Where a training's files lie, from the project's root."""
    return Path("output/train", run.run_id)


def _resumed(run: StepRun) -> tuple[Request, Path]:
    """The request of the run that is resumed, and its folder."""
    from pipesql.finetune.sft.types import read_request
    from pipesql.tracking.store import project_root

    run.tags(**{tags.RESUMED: "true"})
    return read_request(output := project_root() / _place(run)), output


def _opened(run: StepRun, options: TrainOptions) -> tuple[Request, Path]:
    """The request of a new run, written down and logged, and the run's folder."""
    from pipesql.evaluate.questions import prompt_shape
    from pipesql.finetune.recipe.files import recipe_for
    from pipesql.finetune.sft.types import new_request
    from pipesql.models import resolve_model
    from pipesql.tracking.continued import registered_as_folder
    from pipesql.tracking.runs import get_run
    from pipesql.tracking.store import project_root

    recipe = recipe_for(options.recipe, options.model, options.overrides)
    output = project_root() / (place := _place(run))
    run.tags(**{tags.MODEL: options.model, tags.RECIPE: recipe.name, tags.OUTPUT: place})
    source, (folder, data_run) = resolve_model(start := registered_as_folder(options.model)), chosen_data(options.data)
    drawn = {"limit": options.limit, "skip": options.skip, "seed": options.seed}
    request = new_request(start, recipe, folder, data_run, **drawn)
    run.params(model=source.name, recipe=recipe.name, **drawn, **recipe.headline())
    benchmark = get_run(data_run).tags.get(tags.BENCHMARK, "") if data_run else ""
    run.tags(**{tags.DATA_RUN: data_run, tags.DATA_DIGEST: request.digest, tags.BENCHMARK: benchmark})
    run.tags(**tags.of_prompts(prompt_shape(folder)))
    log_leaks(run, folder, output)
    run.artifact(request.write(output))
    return request, output


def _trained(run: StepRun, request: Request, output: Path) -> TrainingResult:
    """Train, with every number and event logged. What the guard could save of a run that failed is logged, too."""
    from pipesql.finetune.plan.devices import machine
    from pipesql.finetune.progress import CURVE_FILE
    from pipesql.finetune.sft.train import train_request

    def event(sentence: str) -> None:
        click.echo(sentence, err=True)
        run.tags(**{tags.GUARD: sentence})

    write_json(output / "environment.json", machine())
    run.artifact(output / "environment.json")
    measure = None
    if request.recipe.select == "ex":
        from pipesql.evaluate.model_evaluation import accuracy_on

        measure = accuracy_on(request.folder)
    share((request, output))
    try:
        return train_request(request, output, on_metrics=run.metrics, on_event=event, measure_ex=measure)
    except TrainingDiverged:
        for path, place in ((output / "adapter", "adapter"), (output / CURVE_FILE, "")):
            if path.exists():
                run.artifact(path, place)
        raise


def _log(run: StepRun, request: Request, output: Path, result: TrainingResult) -> None:
    """Log inputs and outputs."""
    from pipesql.finetune.progress import CURVE_FILE

    for split, rows in (("train", result.train.samples), (result.eval_split, result.eval.samples)):
        path = request.folder / f"samples.{split}.jsonl"
        run.dataset(f"{request.folder.name}-{split}", path, file_digest(path), split, rows)
    for path, place in ((result.write(output), ""), (output / CURVE_FILE, ""), (result.adapter, "adapter")):
        run.artifact(path, place)
    click.echo(f"{request.model}, recipe {request.recipe.name}, {request.folder.name}, run {run.run_id}")
