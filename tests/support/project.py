"""A copy of the project, and its steps in it as a user runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("MLproject", "conda.yaml", "pyproject.toml", "pipesql", "steps", "mlruns/README")


def copy_of_project(folder: Path) -> Path:
    """The files that a run needs, so that it has a tracking store and an output folder of its own."""
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    return folder


def mlflow_run(folder: Path, entry: str, parameters: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
    """Bare `mlflow run` in `folder`: without this environment activated, and told nothing by variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "VIRTUAL_ENV"))}
    own = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != own)
    given = [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
    return subprocess.run(
        [f"{own}/mlflow", "run", ".", "-e", entry, *given],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
