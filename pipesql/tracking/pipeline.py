"""Run steps as children of the active run, in the environment of this process.

In a checkout of the project a step is an entry point of MLproject, which `mlflow.projects` runs. In any other folder,
where pipesql is an installed package, it is a process `python -m pipesql STEP` that works in a run made for it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipesql.errors import PipesqlError
from pipesql.options import as_arguments
from pipesql.tracking.runs import children, get_run
from pipesql.tracking.store import is_project, project_root, use_store
from pipesql.tracking.tags import ERROR


class StepFailed(PipesqlError):
    """A child run failed; the message is the child's own sentence, where it left one."""


def run_entry(entry: str, parameters: Mapping[str, str] | None = None, name: str | None = None) -> str:
    """Run a step and wait for it; returns its run's id.

    If a run is active, the new one is its child, in the same experiment. Options that are not in `parameters` have
    their defaults. Raises StepFailed if the step fails.
    """
    import mlflow

    experiment, parent = use_store(), mlflow.active_run()
    if parent:
        experiment = parent.info.experiment_id
    run = _run_project if is_project(project_root()) else _run_package
    return run(entry, dict(parameters or {}), experiment, name or entry)


def _run_project(entry: str, parameters: dict[str, str], experiment: str, name: str) -> str:
    """Run an entry point of MLproject; MLflow makes the run and logs the parameters in it."""
    import mlflow
    from mlflow.exceptions import ExecutionException

    parent = mlflow.active_run()
    try:
        with _own_python_first(), _quiet("mlflow.projects"):
            submitted = mlflow.projects.run(
                str(project_root()),
                entry_point=entry,
                parameters=parameters,
                experiment_id=experiment,
                run_name=name,
                env_manager="local",
            )
    except ExecutionException as e:
        failed = [c for c in children(parent.info.run_id) if c.status == "FAILED"] if parent else []
        reason = failed[-1].tags.get(ERROR) if failed else None
        raise StepFailed(f"step {entry} failed: {reason or e}") from e
    return str(submitted.run_id)


def _run_package(entry: str, parameters: dict[str, str], experiment: str, name: str) -> str:
    """Run a step as a process of its own, in a run that is made here."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    parent, client = mlflow.active_run(), MlflowClient()
    tags = {MLFLOW_PARENT_RUN_ID: parent.info.run_id} if parent else {}
    run_id = str(client.create_run(experiment, tags=tags, run_name=name).info.run_id)
    where = {"MLFLOW_RUN_ID": run_id, "MLFLOW_EXPERIMENT_ID": experiment, "MLFLOW_TRACKING_URI": client.tracking_uri}
    command = [sys.executable, "-m", "pipesql", entry, *as_arguments(parameters)]
    done = subprocess.run(command, cwd=project_root(), env={**os.environ, **where}, check=False)
    if done.returncode:
        run = get_run(run_id)
        if run.status == "RUNNING":
            client.set_terminated(run_id, "FAILED")
        raise StepFailed(f"step {entry} failed: {run.tags.get(ERROR, f'its process ended with {done.returncode}')}")
    return run_id


@contextmanager
def _own_python_first() -> Iterator[None]:
    """Let the `python` of entry points be this interpreter's, whether its environment is activated or not."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Keep MLflow's report of each command it runs off the terminal; its warnings stay."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)
