"""Run entry points of the project as children of the active run, in the environment of this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipesql.errors import PipesqlError
from pipesql.tracking.runs import ERROR_TAG, children
from pipesql.tracking.store import project_root, use_store


class StepFailed(PipesqlError):
    """A child run failed; the message is the child's own sentence, where it left one."""


def run_entry(entry: str, parameters: Mapping[str, Any] | None = None, name: str | None = None) -> str:
    """Run an entry point of MLproject and wait for it; returns its run's id.

    Where a run is active, the new one is its child and stands in its experiment. What is not in `parameters` has the
    entry point's default. Raises StepFailed where it does not end well.
    """
    import mlflow
    from mlflow.exceptions import ExecutionException

    experiment = use_store()
    parent = mlflow.active_run()
    try:
        with _own_python_first(), _quiet("mlflow.projects"):
            submitted = mlflow.projects.run(
                str(project_root()),
                entry_point=entry,
                parameters={key: str(value) for key, value in (parameters or {}).items()},
                experiment_id=parent.info.experiment_id if parent else experiment,
                run_name=name or entry,
                env_manager="local",
            )
    except ExecutionException as e:
        failed = [c for c in children(parent.info.run_id) if c.status == "FAILED"] if parent else []
        reason = failed[-1].tags.get(ERROR_TAG) if failed else None
        raise StepFailed(f"step {entry} failed: {reason or e}") from e
    return str(submitted.run_id)


@contextmanager
def _own_python_first() -> Iterator[None]:
    """Entry points say `python`: let that be this interpreter's environment, activated or not."""
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
