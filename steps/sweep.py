"""Step `sweep`: several trainings that differ in fields of the recipe, children of one run; the best is tagged."""

from __future__ import annotations

import click

from pipesql.errors import TrainingDiverged
from pipesql.finetune.sweep.request import SweepRequest, read_request
from pipesql.finetune.sweep.search import as_parameters
from pipesql.tracking.lookup import unfinished_run
from pipesql.tracking.open_run import tag_run
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root
from steps import StepCommand
from steps.sweep_trials import METRICS, rows_of, run_trials
from steps.training_request import chosen


@click.command(cls=StepCommand)
@click.option("--grid", default="", help='"FIELD=VALUE,VALUE; FIELD=LOW..HIGH:log", or a YAML file.')
@click.option("--strategy", default="grid", help="grid, random, or optuna (TPE).")
@click.option("--trials", default=0, help="Trainings in all; 0: the whole grid.")
@click.option("--objective", default="loss", help="loss: the lowest eval/loss; ex: the highest execution accuracy.")
@click.option("--model", default="smol", help="tiny, smol, 0.5b … 7b, hub id, folder or version.")
@click.option("--recipe", default="auto", help="A name in recipes/ or a YAML file; auto: by model.")
@click.option("--data", default="auto", help="auto (the newest data run), its id, or a folder.")
@click.option("--limit", default=0, help="At most so many train queries in each training; 0: as the recipe says.")
@click.option("--seed", default=0, help="Seeds the points that are drawn, and every training.")
@click.option("--resume", default="", help="Go on with a sweep that did not finish: its id, or last.")
def main(resume: str, data: str, **options: str | int) -> None:
    """Train once for every point of a grid, or as often as told; merge the best one by its run."""
    earlier = unfinished_run("sweep", resume).run_id if resume else ""
    request = None if earlier else SweepRequest(data=data, **options)  # type: ignore[arg-type]
    with step_run("sweep", resume=earlier) as run:
        folder = project_root() / "output" / "sweep" / run.run_id
        if request is None:
            request = read_request(folder)
        else:
            request.search()
            request = request.on(chosen(data))
            run.params(**request.params())
            request.write(folder)
        search = request.search()
        done = run_trials(run.run_id, search, request.objective, request.common())
        run.table(rows_of(done, request.objective), "trials.json")
        values = [tried for tried, _ in done]
        run.metrics({"sweep/trials": len(done), "sweep/failed": sum(tried.value is None for tried in values)})
        if (best := search.best(values)) is None:
            raise TrainingDiverged(f"all {len(done)} trainings of the sweep failed; their runs say why")
        tried, winner = done[best]
        assert winner is not None and tried.value is not None
        run.metrics({"sweep/best": tried.value})
        run.tags(**{"pipesql.sweep_best_run": winner.run_id})
        tag_run(winner.run_id, {"pipesql.sweep_best": "true"})
    click.echo(f"best of {len(done)}: {as_parameters(tried.point)}, {METRICS[request.objective]} {tried.value:.4f}")
    click.echo(f"mlflow run . -e merge -P run_id={winner.run_id}")


if __name__ == "__main__":
    main()
