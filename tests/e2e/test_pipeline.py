"""The whole pipeline as a user runs it: bare `mlflow run`, no flag, no conda, on a copy of the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.support.project import copy_of_project, mlflow_run

LIMITS = {"limit": 24, "eval_limit": 6}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the pipeline has run with the tiny model."""
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    done = mlflow_run(folder, "main", {"model": "tiny", **LIMITS})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "golden pairs" in done.stdout
    return folder


@pytest.fixture(scope="module")
def runs(project: Path) -> dict[str, Run]:
    """Its runs by step."""
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("pipesql")
    assert experiment is not None
    return {run.data.tags["pipesql.step"]: run for run in client.search_runs([experiment.experiment_id])}


def artifacts(project: Path, run: Run) -> set[str]:
    top = project / "mlruns" / "pipesql" / run.info.run_id / "artifacts"
    return {p.relative_to(top).as_posix() for p in top.rglob("*") if p.is_file()}


def test_six_runs_finish_five_of_them_children(runs: dict[str, Run]) -> None:
    assert {step: run.info.status for step, run in runs.items()} == dict.fromkeys(
        ("main", "data", "train", "merge", "evaluate", "promote"), "FINISHED"
    )
    parents = {step: run.data.tags.get("mlflow.parentRunId") for step, run in runs.items() if step != "main"}
    assert set(parents.values()) == {runs["main"].info.run_id}
    assert {step: run.info.run_name for step, run in runs.items()} == {step: step for step in runs}


@pytest.mark.parametrize(
    ("step", "params", "metrics", "files"),
    [
        ("main", {"main.model"}, {"pipeline/tuned_ex"}, {"summary.txt", "summary.json"}),
        ("data", {"data.benchmark", "data.limit"}, {"golden/pairs", "samples/train"}, {"manifest.json", "report.txt"}),
        (
            "train",
            {"train.model", "train.recipe"},
            {"train/loss", "eval/loss", "train/loss_first"},
            {"adapter/base.json", "recipe.yaml", "tokens.json", "environment.json", "loss.png", "leaks.json"},
        ),
        ("merge", {"merge.run_id"}, {"merge/max_logit_difference"}, set()),
        ("evaluate", {"evaluate.version"}, {"base/ex", "tuned/ex", "base/valid", "tuned/valid"}, {"predictions.json"}),
        ("promote", {"promote.alpha"}, set(), {"decision.json"}),
    ],
)
def test_a_run_shows_what_its_step_did(
    step: str, params: set[str], metrics: set[str], files: set[str], runs: dict[str, Run], project: Path
) -> None:
    run = runs[step]
    assert params <= run.data.params.keys()
    assert metrics <= run.data.metrics.keys()
    assert all("/" in name for name in run.data.metrics)
    assert files <= artifacts(project, run)


@pytest.mark.parametrize("step", ["data", "train", "evaluate"])
def test_what_a_step_reads_is_on_record(step: str, runs: dict[str, Run]) -> None:
    inputs = runs[step].inputs.dataset_inputs
    assert inputs
    for given in inputs:
        assert given.dataset.digest
        assert json.loads(given.dataset.profile)["num_rows"] > 0


def test_the_merge_links_to_its_training_and_the_version_to_both(runs: dict[str, Run], project: Path) -> None:
    train, merge = runs["train"].info.run_id, runs["merge"].info.run_id
    assert runs["merge"].data.tags["pipesql.train_run"] == train
    (version,) = MlflowClient(f"sqlite:///{project}/mlflow.db").search_model_versions("name = 'pipesql'")
    assert (version.tags["pipesql.train_run"], version.run_id) == (train, merge)
    assert runs["promote"].data.tags["pipesql.version"] == str(version.version)


def test_the_table_at_the_end_holds_the_figures_of_the_runs(runs: dict[str, Run], project: Path) -> None:
    folder = project / "mlruns" / "pipesql" / runs["main"].info.run_id / "artifacts"
    figures = json.loads((folder / "summary.json").read_text())
    assert figures["golden"] == runs["data"].data.metrics["golden/pairs"] > 0
    assert figures["train_loss_last"] == runs["train"].data.metrics["train/loss_last"]
    assert figures["questions"] == LIMITS["eval_limit"]
    assert [name for name, value in figures.items() if value is None] == []
    assert "not logged" not in (folder / "summary.txt").read_text()


def test_a_step_without_the_one_before_fails_with_one_sentence(tmp_path: Path) -> None:
    folder = copy_of_project(tmp_path)
    failed = mlflow_run(folder, "merge", {})
    assert failed.returncode != 0
    said = [line for line in failed.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1
    assert "there is no finished train run" in said[0]
    assert "Traceback" not in failed.stderr
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("pipesql")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert "there is no finished train run" in run.data.tags["pipesql.error"]
