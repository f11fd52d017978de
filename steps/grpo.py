"""Step `grpo`: a trained model learns on from what its answers are worth when they are executed."""

from __future__ import annotations

from pathlib import Path

import click

from pipesql.finetune.recipe.grpo import FIELDS
from pipesql.storage import file_digest
from steps import StepCommand
from steps.recipe_options import field_options
from steps.training_request import chosen, log_leaks

ORIGIN = ("pipesql.model", "pipesql.benchmark")
"""Tags of the train run that hold for what comes of it."""


@click.command(cls=StepCommand)
@click.option("--model", default="", help="Go on from the newest finished train run of this model.")
@click.option("--run_id", default="", help="The train run whose model is trained on; default: the newest finished one.")
@click.option("--recipe", default="auto", show_default=True, help="A name in recipes/grpo or a file; auto: by model.")
@click.option("--data", default="auto", show_default=True, help="auto (the newest data run), its id, or a folder.")
@click.option("--limit", default=0, show_default=True, help="At most so many train questions; 0: as the recipe says.")
@click.option("--seed", default=0, show_default=True, help="Draws questions, answers and the adapter's start.")
@field_options(FIELDS)
def main(model: str, run_id: str, recipe: str, data: str, limit: int, seed: int, overrides: dict[str, str]) -> None:
    """Train a fine-tuned model by the rewards of its answers. Options named like a recipe's fields override it."""
    from pipesql.finetune.recipe.files import grpo_recipe_for
    from pipesql.tracking.lookup import finished_run
    from pipesql.tracking.runs import step_run
    from pipesql.tracking.store import project_root

    with step_run("grpo") as run:
        train = finished_run("train", run_id, {"pipesql.model": model} if model else None)
        settings = grpo_recipe_for(recipe, train.tags.get("pipesql.model", ""), overrides)
        output = Path("output/grpo", run.run_id)
        run.tags(**{name: train.tags[name] for name in ORIGIN if name in train.tags})
        run.tags(**{"pipesql.train_run": train.run_id, "pipesql.recipe": settings.name, "pipesql.output": output})
        folder, data_run = chosen(data)
        run.params(run_id=train.run_id, recipe=settings.name, limit=limit, seed=seed, **settings.headline())
        digest = file_digest(folder / "samples.train.jsonl")
        run.tags(**{"pipesql.data_run": data_run, "pipesql.data_digest": digest})
        log_leaks(run, folder, project_root() / output)
        from pipesql.finetune.grpo.train import train_by_rewards

        adapter = train.artifact("adapter")
        place = project_root() / output
        result = train_by_rewards(folder, adapter, settings, place, limit, seed, on_metrics=run.metrics)
        run.dataset(f"{folder.name}-train", folder / "samples.train.jsonl", digest, "train", result.questions)
        for path in result.write(settings, place):
            run.artifact(path)
        run.artifact(result.model, "adapter")
    click.echo(
        f"train run {train.run_id}, recipe grpo/{settings.name}, {folder.name}, run {run.run_id}\n{result.text()}"
    )


if __name__ == "__main__":
    main()
