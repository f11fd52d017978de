"""One training, several processes: two at once are as one with twice the accumulation, one after another go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient
from safetensors.torch import load_file

from pipesql.finetune.sft.checkpoints import Checkpoints
from tests.support.project import copy_of_project

SETTINGS = {"max_steps": "8", "eval_steps": "4", "max_length": "400", "max_train_queries": "0", "lora_dropout": "0"}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with demo data in it."""
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    step(folder, "data", limit="40", execute_prefixes="0")
    return folder


def step(project: Path, name: str, **options: str) -> None:
    """`python -m steps.<name>` in the copy."""
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-m", f"steps.{name}", *words],
        cwd=project,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def runs(project: Path) -> dict[str, dict[str, str]]:
    """Tags of the train runs there are, by id."""
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "pipesql"]
    found = client.search_runs([experiment.experiment_id], "tags.`pipesql.step` = 'train'")
    return {run.info.run_id: dict(run.data.tags) | {"status": run.info.status} for run in found}


def train(project: Path, **options: str) -> Path:
    """The folder of a new train run; it must be one run."""
    before = runs(project)
    step(project, "train", model="tiny", **SETTINGS, **options)
    (new,) = runs(project).keys() - before.keys()
    return project / "output" / "train" / new


def measured(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """What was measured, step by step, of what does not depend on the clock."""
    progress = json.loads((folder / "checkpoints" / "checkpoint-8" / "progress.json").read_text())
    names = ("train/loss", "train/grad_norm", "train/tokens", "eval/loss")
    return [(step, {n: v for n, v in values.items() if n in names}) for step, values in progress["metrics"]["history"]]


@pytest.mark.long
@pytest.mark.parametrize("optim", ["sgd", "adamw_torch"])
def test_two_processes_are_one_with_twice_the_accumulation(project, optim) -> None:
    two = train(project, processes="2", gradient_accumulation_steps="2", optim=optim)
    one = train(project, gradient_accumulation_steps="4", optim=optim)
    assert [step for step, _ in measured(one)] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    for (_, ours), (_, theirs) in zip(measured(one), measured(two), strict=True):
        assert theirs == pytest.approx(ours, rel=1e-4)
    if optim == "sgd":  # Adam divides a gradient that is all rounding by its own size
        weights = [load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (one, two)]
        for name, weight in weights[0].items():
            assert torch.allclose(weights[1][name], weight, rtol=1e-4, atol=1e-6), name


@pytest.mark.long
def test_a_killed_run_goes_on_as_the_same_run(project) -> None:
    """SIGKILL, then `resume=last` under `mlflow run`'s variables: one train run, finished, and MLflow's says where."""
    before = runs(project)
    words = ["--model", "tiny", "--max_steps", "60", "--save_steps", "5", "--max_length", "400"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHONPATH"))}
    child = subprocess.Popen(
        [sys.executable, "-m", "steps.train", *words],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list((project / "output" / "train").glob("*/checkpoints/checkpoint-10")):
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (killed,) = runs(project).keys() - before.keys()
    assert runs(project)[killed]["status"] == "RUNNING"

    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    made = client.create_run(client.get_run(killed).info.experiment_id).info.run_id
    done = subprocess.run(
        [sys.executable, "-m", "steps.train", "--resume", "last"],
        cwd=project,
        env={**environment, "MLFLOW_RUN_ID": made},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert runs(project).keys() - before.keys() == {killed}
    assert runs(project)[killed]["status"] == "FINISHED"
    assert client.get_run(made).data.tags["pipesql.resumes"] == killed
    assert client.get_run(killed).data.metrics["train/seconds"] > 0
    assert [m.step for m in client.get_metric_history(killed, "train/loss")][-1] == 60
    again = subprocess.run(
        [sys.executable, "-m", "steps.train", "--resume", killed],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1
    assert "is a finished train run: give the id of a train run that did not finish, or `last`" in again.stderr


def test_processes_may_make_the_folder_of_checkpoints_at_the_same_time(tmp_path: Path) -> None:
    for number in range(100):
        checkpoints = [Checkpoints(tmp_path / str(number)) for _ in range(4)]
        with ThreadPoolExecutor(len(checkpoints)) as pool:
            list(pool.map(Checkpoints.make_ready, checkpoints))
        assert checkpoints[0].unfinished.is_dir()
