"""Step `train`: samples become an adapter of a model."""

from __future__ import annotations

import sys

import click

from pipesql.finetune.processes import rank, relaunch, share, started_together
from steps import StepCommand
from steps.recipe_options import recipe_options


@click.command(cls=StepCommand)
@click.option("--model", default="smol", show_default=True, help="tiny, smol, 0.5b … 7b, hub id, folder or version.")
@click.option("--recipe", default="auto", show_default=True, help="A name in recipes/ or a YAML file; auto: by model.")
@click.option("--data", default="auto", show_default=True, help="auto (the newest data run), its id, or a folder.")
@click.option("--limit", default=0, show_default=True, help="At most so many train queries; 0: as the recipe says.")
@click.option("--skip", default=0, show_default=True, help="Leave out what a run with this limit and seed learnt.")
@click.option("--seed", default=0, show_default=True, help="Draws samples, their order and the adapter's start.")
@click.option(
    "--resume", default="", help="Go on with a run that did not finish: its id, or last. The rest is as then."
)
@click.option("--processes", default=1, show_default=True, help="Processes on this machine, one a GPU (torchrun).")
@recipe_options
def main(
    model: str, recipe: str, data: str, resume: str, processes: int, overrides: dict[str, str], **drawn: int
) -> None:
    """Fine-tune a model on the newest samples. Options named like a recipe's fields override the recipe."""
    if processes > 1 and not started_together():
        relaunch("steps.train", sys.argv[1:], processes)
    if rank():  # only the first process knows MLflow
        from pipesql.finetune.sft.train import train_request

        train_request(*share(None))
        return
    from pipesql.finetune.recipe.files import recipe_for
    from pipesql.tracking.lookup import unfinished_run
    from pipesql.tracking.runs import step_run
    from steps.training import finish, trained
    from steps.training_request import opened

    earlier = unfinished_run("train", resume).run_id if resume else ""
    with step_run("train", resume=earlier, system_metrics=True) as run:
        settings = None if earlier else recipe_for(recipe, model, overrides)
        request, output = opened(run, model, settings, data, **drawn)
        result = trained(run, request, output)
        finish(run, request, output, result)
    click.echo(result.text())


if __name__ == "__main__":
    main()
