"""Steps as commands of the package, in a folder that is not a checkout: where runs go, and children as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

mlflow = pytest.importorskip("mlflow")

from mlflow import MlflowClient  # noqa: E402

from pipesql.cli.main import main  # noqa: E402
from pipesql.tracking.pipeline import StepFailed, run_entry  # noqa: E402
from pipesql.tracking.runs import children, get_run, step_run  # noqa: E402
from pipesql.tracking.store import project_root  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; MLflow is told nothing by variables."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pipesql", *words], capture_output=True, text=True, check=False)


def test_the_folder_is_the_working_directory_or_the_checkout_around_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project_root() == folder
    monkeypatch.chdir(ROOT / "pipesql" / "pipe")
    assert project_root() == ROOT


def test_a_step_says_where_its_runs_are_kept_and_keeps_them_there(folder: Path) -> None:
    done = call("promote")
    assert done.stderr.splitlines() == [
        f"runs are kept in {folder}/mlflow.db and {folder}/mlruns; set MLFLOW_TRACKING_URI for another place",
        "Error: no model is registered yet: run the merge step first (pipesql merge)",
    ]
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("pipesql")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.tags["pipesql.step"]) == ("FAILED", "promote")


def test_another_place_is_said_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{folder}/elsewhere/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    done = call("merge", "--run_id", "nonsense")
    assert done.stderr.splitlines()[0] == f"runs are kept in {uri} (MLFLOW_TRACKING_URI)"
    assert (folder / "elsewhere" / "mlflow.db").is_file() and not (folder / "mlflow.db").exists()


def test_the_pipeline_is_also_called_main() -> None:
    helps = [CliRunner().invoke(main, [name, "--help"]).output.split("\n", 1)[1] for name in ("pipeline", "main")]
    assert "Run data, train, merge, evaluate and promote." in helps[0]
    assert helps[0] == helps[1]


def test_children_are_processes_of_their_own_in_runs_below_the_parents(folder: Path) -> None:
    with step_run("main") as parent:
        done = run_entry("data", {"limit": "2", "workers": "1", "execute_prefixes": "0", "disguises": "1"})
        with pytest.raises(StepFailed, match="step promote failed: no model is registered yet"):
            run_entry("promote", {}, "last")
        with pytest.raises(StepFailed, match="step data failed: unknown layout 'bush'"):
            run_entry("data", {"layout": "bush"})
    found = {(run.step or run.name, run.status) for run in children(parent.run_id)}
    assert found == {("data", "FINISHED"), ("promote", "FAILED"), ("data", "FAILED")}
    made = get_run(done)
    assert made.params["data.limit"] == "2" and made.params["data.renamings"] == "1"
    assert (folder / made.tags["pipesql.output"] / "golden.jsonl").is_file()
