"""What MLflow loads from this package at its start, so that `mlflow run . -e train` works without a flag.

MLflow takes the environment of a project from `conda.yaml`, and it has no setting for another way of making one.
Where conda is installed, nothing here interferes. Elsewhere MLflow is pointed at a stand-in
(`pipesql.tracking.conda`) that answers the few calls that it makes.

Nothing heavy is imported here: every MLflow process of this environment runs this module.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path

from mlflow.tracking.context.abstract_context import RunContextProvider
from mlflow.tracking.default_experiment.abstract_context import DefaultExperimentProvider

from pipesql.errors import PipesqlError
from pipesql.tracking.conda import write_stand_in
from pipesql.tracking.store import ensure_experiment, is_project

_CONDA_VARIABLES = ("MLFLOW_CONDA_HOME", "MLFLOW_CONDA_CREATE_ENV_CMD", "CONDA_EXE")


def has_conda() -> bool:
    """True if conda is installed, or a variable tells MLflow where it is."""
    return any(os.environ.get(name) for name in _CONDA_VARIABLES) or shutil.which("conda") is not None


class CondaStandIn(RunContextProvider):
    """Points MLflow at the stand-in when it is loaded; MLflow asks for the run's tags too late for that."""

    def __init__(self) -> None:
        if os.name == "nt" or has_conda():
            return
        try:
            home = write_stand_in()
        except OSError as e:
            warnings.warn(
                f"mlflow run needs --env-manager local here: cannot write the conda stand-in ({e})", stacklevel=2
            )
            return
        os.environ["MLFLOW_CONDA_HOME"] = str(home)

    def in_context(self) -> bool:
        """It adds no tags."""
        return False

    def tags(self) -> dict[str, str]:
        """It adds no tags."""
        return {}


class ProjectExperiment(DefaultExperimentProvider):
    """Keeps the runs of this project out of the experiment `Default` when no experiment is named."""

    def in_context(self) -> bool:
        """True inside a checkout of the project, and for `mlflow run` on one from elsewhere."""
        here = Path.cwd().resolve()
        named = [Path(argument).resolve() for argument in sys.argv[2:3]]
        return any(is_project(folder) for folder in (here, *here.parents, *named))

    def get_experiment_id(self) -> str:
        """The id of the experiment, created where it is missing."""
        import mlflow

        try:
            return ensure_experiment(mlflow.get_tracking_uri())
        except PipesqlError as e:
            # MLflow would log this and use the experiment `Default`, which cannot be right for a store that fails.
            sys.exit(f"pipesql: {e}")
