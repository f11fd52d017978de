"""The trials of a sweep: each a train run, child of the sweep's; those that are there already are not made again."""

from __future__ import annotations

from typing import Any

import click

from pipesql.finetune.sweep.search import Search, Tried, as_parameters
from pipesql.tracking.pipeline import StepFailed, run_entry
from pipesql.tracking.runs import RunRef, children, get_run
from pipesql.tracking.store import project_root

METRICS = {"loss": "eval/loss_best", "ex": "eval/ex_best"}
"""What a sweep selects by → the metric of a train run."""


def run_trials(sweep: str, search: Search, objective: str, common: dict[str, Any]) -> list[tuple[Tried, RunRef | None]]:
    """Train at every point of the search, in order; a training that fails is one without a result.

    `common` are the parameters that all trials share. Returns what was tried, with its run.
    """
    done: list[tuple[Tried, RunRef | None]] = []
    for number in range(search.count):
        point = search.point(number, [tried for tried, _ in done])
        click.secho(f"[{number + 1}/{search.count}] {as_parameters(point)}", bold=True)
        run = _trained(sweep, f"trial-{number + 1}", {**common, **point})
        value = run.metrics.get(METRICS[objective]) if run and run.status == "FINISHED" else None
        click.echo(
            f"[{number + 1}/{search.count}] {METRICS[objective]} {'failed' if value is None else f'{value:.4f}'}"
        )
        done.append((Tried(point, value), run))
    return done


def _trained(sweep: str, name: str, parameters: dict[str, Any]) -> RunRef | None:
    """The run of a trial: the one that has ended, one that was killed and goes on, or a new one."""
    earlier = [run for run in children(sweep) if run.name == name and run.step == "train"]
    last = earlier[-1] if earlier else None
    if last and last.status in ("FINISHED", "FAILED"):
        return last
    try:
        if last and (project_root() / "output" / "train" / last.run_id / "request.json").is_file():
            run_entry("train", {"resume": last.run_id}, f"{name}-resumed")
            return get_run(last.run_id)
        return get_run(run_entry("train", parameters, name))
    except StepFailed as failure:
        click.echo(str(failure), err=True)
        found = [run for run in children(sweep) if run.name == name and run.step == "train"]
        return found[-1] if found else None


def rows_of(done: list[tuple[Tried, RunRef | None]], objective: str) -> list[dict[str, Any]]:
    """The trials as a table: number, settings, result, seconds, status and run."""
    return [
        {"trial": number, **tried.point, METRICS[objective]: tried.value}
        | {"seconds": run.seconds if run else 0.0, "status": run.status if run else "FAILED"}
        | {"run": run.run_id if run else ""}
        for number, (tried, run) in enumerate(done, 1)
    ]
