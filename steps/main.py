"""The whole pipeline: a parent run whose children are data, train, merge, evaluate and promote."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from steps import StepCommand
from steps.recipe_options import recipe_options
from steps.source_options import source_options


@click.command(cls=StepCommand)
@source_options
@click.option("--model", default="smol", show_default=True, help="tiny, smol, 0.5b … 7b, hub id, folder or version.")
@click.option("--recipe", default="auto", show_default=True, help="A name in recipes/; auto chooses by the model.")
@click.option("--eval_limit", default=0, show_default=True, help="At most so many questions to evaluate; 0 takes all.")
@click.option("--seed", default=0, show_default=True, help="Seeds the samples, the training and the evaluation.")
@recipe_options
def main(
    source: dict[str, Any], model: str, recipe: str, eval_limit: int, seed: int, overrides: dict[str, str]
) -> None:
    """Run all five steps; each takes what the one before left. A recipe's fields may be set otherwise, as in train."""
    from pipesql.tracking.pipeline import run_entry
    from pipesql.tracking.runs import RunRef, get_run, step_run
    from pipesql.tracking.summary import STEPS, pipeline_metrics, summarise, summary_text

    done: dict[str, RunRef] = {}

    def run_step(step: str, **parameters: Any) -> RunRef:
        click.secho(f"[{len(done) + 1}/{len(STEPS)}] {step}", bold=True)
        done[step] = get_run(run_entry(step, parameters))
        click.echo(f"[{len(done)}/{len(STEPS)}] {step} took {done[step].seconds:.0f} s, run {done[step].run_id}")
        return done[step]

    with step_run("main", tags={"pipesql.benchmark": source["benchmark"], "pipesql.model": model}) as run:
        run.params(**source, model=model, recipe=recipe, eval_limit=eval_limit, seed=seed)
        data = run_step("data", **source, seed=seed)
        train = run_step("train", model=model, recipe=recipe, data=data.run_id, seed=seed, **overrides)
        merge = run_step("merge", run_id=train.run_id)
        version = merge.tags["pipesql.version"]
        run_step("evaluate", version=version, data=data.run_id, limit=eval_limit, seed=seed)
        run_step("promote", version=version)
        figures = summarise(done)
        run.metrics(pipeline_metrics(figures))
        run.tags(**{"pipesql.version": version, "pipesql.train_run": train.run_id, "pipesql.data_run": data.run_id})
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "summary.txt").write_text(summary_text(figures), encoding="utf-8")
            Path(folder, "summary.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
            run.artifact(folder)
    click.echo("\n" + summary_text(figures))


if __name__ == "__main__":
    main()
