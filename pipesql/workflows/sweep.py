"""Step `sweep`: several trainings that differ in fields of the recipe, children of one run; the best is tagged.

Trainings that have ended are not run again when a sweep is resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from pipesql.errors import TrainingDiverged
from pipesql.finetune.sweep.request import SweepRequest, read_request
from pipesql.finetune.sweep.search import Trial, as_parameters
from pipesql.options import as_parameters as parameters_of
from pipesql.options import group, option
from pipesql.tracking import tags
from pipesql.tracking.lookup import unfinished_run
from pipesql.tracking.open_run import StepRun, tag_run
from pipesql.tracking.pipeline import StepFailed, run_entry
from pipesql.tracking.runs import RunRef, children, get_run, step_run
from pipesql.tracking.store import command_of, project_root
from pipesql.workflows.train import TrainOptions, chosen_data

METRICS = {"loss": "eval/loss_best", "ex": "eval/ex_best"}
"""Objective of a sweep → the metric of a train run by which it chooses."""


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep tries, or the sweep to resume."""

    request: SweepRequest = group(SweepRequest)
    resume: str = option("", "Resume a sweep that did not finish: its id, or last. Other options are then ignored.")


def sweep(options: SweepOptions) -> str:
    """Train once for every point of a grid, or for N points.

    The command that merges the best training is printed at the end.
    """
    earlier = unfinished_run("sweep", options.resume).run_id if options.resume else ""
    with step_run("sweep", resume=earlier) as run:
        request = _resumed(run) if earlier else _opened(run, options.request)
        search, metric = request.search(), METRICS[request.objective]
        done: list[tuple[Trial, RunRef | None]] = []
        for number in range(search.count):
            point, place = search.point(number, [tried for tried, _ in done]), f"[{number + 1}/{search.count}]"
            click.secho(f"{place} {as_parameters(point)}", bold=True)
            trained = _train(run.run_id, f"trial-{number + 1}", _trial(request, point))
            value = trained.metrics.get(metric) if trained and trained.status == "FINISHED" else None
            click.echo(f"{place} {metric} {'failed' if value is None else f'{value:.4f}'}")
            done.append((Trial(point, value), trained))
        run.table(_rows(done, metric), "trials.json")
        values = [tried for tried, _ in done]
        run.metrics({"sweep/trials": len(done), "sweep/failed": sum(tried.value is None for tried in values)})
        if (best := search.best(values)) is None:
            raise TrainingDiverged(f"all {len(done)} trainings of the sweep failed; their runs say why")
        tried, winner = done[best]
        assert winner is not None and tried.value is not None
        run.metrics({"sweep/best": tried.value})
        run.tags(**{tags.SWEEP_BEST_RUN: winner.run_id})
        tag_run(winner.run_id, {tags.SWEEP_BEST: "true"})
    return (
        f"best of {len(done)}: {as_parameters(tried.point)}, {metric} {tried.value:.4f}\n"
        f"to merge it: {command_of('merge', run_id=winner.run_id)}"
    )


def _resumed(run: StepRun) -> SweepRequest:
    return read_request(project_root() / "output" / "sweep" / run.run_id)


def _opened(run: StepRun, given: SweepRequest) -> SweepRequest:
    """The request of a new sweep, on the data that `auto` means now; checked, logged and written down."""
    given.search()
    request = given.on(chosen_data(given.data))
    run.params(**request.params())
    request.write(project_root() / "output" / "sweep" / run.run_id)
    return request


def _trial(request: SweepRequest, point: dict[str, str]) -> TrainOptions:
    """The training at a point. A sweep by execution accuracy chooses its checkpoints by it as well."""
    return TrainOptions(
        model=request.model,
        recipe=request.recipe,
        data=request.data,
        limit=request.limit,
        seed=request.seed,
        overrides=({"select": "ex"} if request.objective == "ex" else {}) | point,
    )


def _train(sweep: str, name: str, options: TrainOptions) -> RunRef | None:
    """The run of a trial: one that has ended, one that was killed and is resumed, or a new one."""
    earlier = [run for run in children(sweep) if run.name == name and run.step == "train"]
    last = earlier[-1] if earlier else None
    if last and last.status in ("FINISHED", "FAILED"):
        return last
    try:
        if last and (project_root() / "output" / "train" / last.run_id / "request.json").is_file():
            run_entry("train", parameters_of(TrainOptions(resume=last.run_id)), f"{name}-resumed")
            return get_run(last.run_id)
        return get_run(run_entry("train", parameters_of(options), name))
    except StepFailed as failure:
        click.echo(str(failure), err=True)
        found = [run for run in children(sweep) if run.name == name and run.step == "train"]
        return found[-1] if found else None


def _rows(done: list[tuple[Trial, RunRef | None]], metric: str) -> list[dict[str, Any]]:
    """The trials as a table: number, settings, result, seconds, status and run."""
    return [
        {"trial": number, **tried.point, metric: tried.value}
        | {"seconds": run.seconds if run else 0.0, "status": run.status if run else "FAILED"}
        | {"run": run.run_id if run else ""}
        for number, (tried, run) in enumerate(done, 1)
    ]
