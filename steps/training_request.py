"""What the step `train` is asked for: data chosen and looked through for leaks, or an earlier request gone on with."""

from __future__ import annotations

from pathlib import Path

import click

from pipesql.errors import NoSuchRun
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.request import Request, read_request, requested
from pipesql.storage import write_json
from pipesql.tracking.continued import registered_as_folder
from pipesql.tracking.lookup import data_folder
from pipesql.tracking.runs import StepRun, get_run
from pipesql.tracking.store import project_root


def chosen(data: str) -> tuple[Path, str]:
    """The data folder and its run; where there is no data run yet and none was named, the data step runs first."""
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
    from pipesql.samples.output import LEAKS, leak_metrics

    write_json(output / LEAKS, report := examine(folder))
    run.metrics(leak_metrics(report))
    run.artifact(output / LEAKS)


def opened(run: StepRun, model: str, recipe: Recipe | None, data: str, **drawn: int) -> tuple[Request, Path]:
    """The request of a new run, written down and logged; without a recipe, that of the run that goes on."""
    from pipesql.evaluate.questions import prompt_shape
    from pipesql.models import resolve_model

    output = project_root() / (place := Path("output/train", run.run_id))
    if recipe is None:
        run.tags(**{"pipesql.resumed": "true"})
        return read_request(output), output
    run.tags(**{"pipesql.model": model, "pipesql.recipe": recipe.name, "pipesql.output": place})
    source, (folder, data_run) = resolve_model(start := registered_as_folder(model)), chosen(data)
    request = requested(start, recipe, folder, data_run, **drawn)
    run.params(model=source.name, recipe=recipe.name, **drawn, **recipe.headline())
    benchmark = get_run(data_run).tags.get("pipesql.benchmark", "") if data_run else ""
    run.tags(**{"pipesql.data_run": data_run, "pipesql.data_digest": request.digest, "pipesql.benchmark": benchmark})
    run.tags(**{f"pipesql.{name}": value for name, value in prompt_shape(folder).items()})
    log_leaks(run, folder, output)
    run.artifact(request.write(output))
    return request, output
