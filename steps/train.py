"""Step `train`: samples become an adapter of a model."""

from __future__ import annotations

from pathlib import Path

import click

from pipesql.records import file_digest
from steps import StepCommand
from steps.training_data import chosen, log_leaks


@click.command(cls=StepCommand)
@click.option("--model", default="smol", show_default=True, help="tiny, smol, 0.5b … 7b, a hub id or a folder.")
@click.option("--recipe", default="auto", show_default=True, help="A name in recipes/ or a YAML file; auto: by model.")
@click.option("--data", default="auto", show_default=True, help="auto (the newest data run), its id, or a folder.")
@click.option("--limit", default=0, show_default=True, help="At most so many train queries; 0: as the recipe says.")
@click.option("--seed", default=0, show_default=True, help="Draws samples, their order and the adapter's start.")
def main(model: str, recipe: str, data: str, limit: int, seed: int) -> None:
    """Fine-tune a model on the newest samples."""
    from pipesql.finetune.recipe_files import recipe_for
    from pipesql.models import resolve_model
    from pipesql.tracking.runs import get_run, step_run
    from pipesql.tracking.store import project_root

    with step_run("train") as run:
        settings, output = recipe_for(recipe, model), Path("output/train", run.run_id)
        run.tags(**{"pipesql.model": model, "pipesql.recipe": settings.name, "pipesql.output": output})
        source, (folder, data_run) = resolve_model(model), chosen(data)
        run.params(model=source.name, recipe=settings.name, limit=limit, seed=seed, **settings.headline())
        run.tags(**{"pipesql.data_run": data_run, "pipesql.data_digest": file_digest(folder / "samples.train.jsonl")})
        run.tags(**{"pipesql.benchmark": get_run(data_run).tags.get("pipesql.benchmark", "") if data_run else ""})
        log_leaks(run, folder, project_root() / output)
        from pipesql.finetune.train import train

        result = train(folder, source, settings, project_root() / output, limit, seed, on_metrics=run.metrics)
        for split, rows in (("train", result.train.samples), (result.measured, result.eval.samples)):
            path = folder / f"samples.{split}.jsonl"
            run.dataset(f"{folder.name}-{split}", path, file_digest(path), split, rows)
        for path, place in [*result.write(settings, project_root() / output), (result.adapter, "adapter")]:
            run.artifact(path, place)
    click.echo(f"{source.description}, recipe {settings.name}, {folder.name}, run {run.run_id}\n{result.text()}")


if __name__ == "__main__":
    main()
