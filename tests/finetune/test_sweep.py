"""A sweep: which points are tried, and that their trainings are children of one run, each made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipesql.errors import BadInput
from pipesql.finetune.sweep.axes import Axis, read_axes
from pipesql.finetune.sweep.request import SweepRequest
from pipesql.finetune.sweep.search import Search, Trial
from tests.support.project import copy_of_project

GRID = "learning_rate=1e-3,1e-2; r=4,8"
RANGES = "learning_rate=1e-4..1e-2:log; r=4..16; packing=shared,bfd"


def test_axes_are_values_or_ranges() -> None:
    assert read_axes(GRID, "tiny", "tiny") == [Axis("learning_rate", ("1e-3", "1e-2")), Axis("r", ("4", "8"))]
    rate, rank, packing = read_axes(RANGES, "tiny", "tiny")
    assert rate == Axis("learning_rate", (), 1e-4, 1e-2, log=True)
    assert rank == Axis("r", (), 4, 16, whole=True)
    assert packing == Axis("packing", ("shared", "bfd"))


def test_a_grid_may_be_a_file(tmp_path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text("learning_rate: [1e-3, 0.01]\nr: 4..16\nuse_rslora: [true, false]\n")
    rate, rank, stable = read_axes(str(file), "tiny", "tiny")
    assert (rate.values, rank.is_range, stable.values) == (("1e-3", "0.01"), True, ("true", "false"))


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("", "the sweep has no grid"),
        ("learning_rate", "write FIELD=VALUE,VALUE or FIELD=LOW..HIGH"),
        ("r=4; r=8", "the grid has the field r twice"),
        ("lerning_rate=1", "did you mean learning_rate?"),
        ("packing=tight", "it must be one of shared, bfd, none"),
        ("learning_rate=-1,1e-3", "learning_rate is -1.0, but it must be above 0"),
        ("r=4..x", "the ends of the range r=4..x are not numbers"),
        ("r=16..4", "is empty"),
        ("learning_rate=0..1:log", "is empty; LOW must be below HIGH, and above 0 for a range with :log"),
        ("nowhere.yaml", "cannot read the grid nowhere.yaml"),
    ],
)
def test_what_is_not_a_grid_is_said_before_anything_starts(grid, said) -> None:
    with pytest.raises(BadInput, match=said):
        read_axes(grid, "tiny", "tiny")


def search(grid: str, strategy: str, trials: int = 0, seed: int = 0, higher: bool = False) -> Search:
    return Search(tuple(read_axes(grid, "tiny", "tiny")), strategy, trials, seed, higher)


def test_a_grid_is_tried_whole_and_in_order() -> None:
    whole = search(GRID, "grid")
    assert [tuple(whole.point(n, []).values()) for n in range(whole.count)] == [
        ("1e-3", "4"), ("1e-3", "8"), ("1e-2", "4"), ("1e-2", "8"),
    ]  # fmt: skip
    assert search(GRID, "grid", trials=3).count == 3


@pytest.mark.parametrize("strategy", ["random", "optuna"])
def test_drawn_points_lie_in_their_ranges_and_depend_on_the_seed_alone(strategy) -> None:
    def points(seed: int) -> list[dict[str, str]]:
        one, tried = search(RANGES, strategy, 12, seed), []
        for number in range(one.count):
            tried.append(Trial(one.point(number, tried), float(number)))
        return [each.point for each in tried]

    drawn = points(1)
    assert drawn == points(1) != points(2)
    assert all(1e-4 <= float(p["learning_rate"]) <= 1e-2 and 4 <= int(p["r"]) <= 16 for p in drawn)
    assert {p["packing"] for p in drawn} == {"shared", "bfd"}
    assert len({p["learning_rate"] for p in drawn}) == 12
    for point in drawn:
        assert all(read_axes(f"{name}={value}", "tiny", "tiny") for name, value in point.items())


def test_optuna_goes_where_the_results_are_better() -> None:
    """The result is the distance from 1e-3 in powers of ten; failed trainings count as tried."""
    from math import log10

    one, tried = search("learning_rate=1e-6..1:log", "optuna", 40), []
    for number in range(one.count):
        point = one.point(number, tried)
        tried.append(Trial(point, None if number % 9 == 8 else abs(log10(float(point["learning_rate"])) + 3)))
    late = [each.value for each in tried[25:] if each.value is not None]
    assert sum(late) / len(late) < 0.75
    assert one.best(tried) is not None


def test_the_best_is_the_first_of_equals_and_none_where_all_failed() -> None:
    tried = [Trial({}, None), Trial({}, 2.0), Trial({}, 1.0), Trial({}, 1.0)]
    assert search(GRID, "grid").best(tried) == 2
    assert search(GRID, "grid", higher=True).best(tried) == 1
    assert search(GRID, "grid").best(tried[:1]) is None


@pytest.mark.parametrize(
    ("strategy", "grid", "said"),
    [
        ("grid", RANGES, "learning_rate is a range, and strategy grid cannot try every value of it"),
        ("random", GRID, "needs a number of trainings; set trials=N"),
        ("guess", GRID, "there is no strategy 'guess'; use one of grid, random, optuna"),
    ],
)
def test_strategies_that_do_not_go_with_their_grid(strategy, grid, said) -> None:
    with pytest.raises(BadInput, match=said):
        search(grid, strategy)
    with pytest.raises(BadInput, match="there is no objective 'speed'"):
        SweepRequest(GRID, "grid", 0, "speed", "tiny", "tiny", "auto", 0, 0)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = copy_of_project(tmp_path_factory.mktemp("sweep"))
    assert step(folder, "data", limit="20", execute_prefixes="0").returncode == 0
    return folder


def step(project: Path, name: str, **options: str) -> subprocess.CompletedProcess[str]:
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHONPATH"))}
    return subprocess.run(
        [sys.executable, "-m", f"steps.{name}", *words],
        cwd=project,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def runs(project: Path, kind: str) -> list[Run]:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "pipesql"]
    return client.search_runs(
        [experiment.experiment_id], f"tags.`pipesql.step` = '{kind}'", order_by=["attributes.start_time ASC"]
    )


@pytest.mark.long
def test_trainings_are_children_and_one_that_fails_does_not_end_the_sweep(project) -> None:
    """The middle one diverges. The sweep is then said to have been killed, and goes on: nothing is trained again."""
    recipe = project / "short.yaml"
    recipe.write_text(
        "description: a few steps\nlearning_rate: 1.0e-2\nmax_steps: 4\neval_steps: 4\nmax_length: 400\n"
        "max_grad_norm: 1.0e+30\nmax_train_queries: 8\nmax_eval_queries: 4\n"
    )
    done = step(project, "sweep", grid="learning_rate=1e-3,1e30,1e-2", model="tiny", recipe=str(recipe))
    assert done.returncode == 0, done.stderr
    (sweep,), trained = runs(project, "sweep"), runs(project, "train")
    assert [run.info.run_name for run in trained] == ["trial-1", "trial-2", "trial-3"]
    assert [run.info.status for run in trained] == ["FINISHED", "FAILED", "FINISHED"]
    assert {run.data.tags["mlflow.parentRunId"] for run in trained} == {sweep.info.run_id}
    assert [run.data.params["train.learning_rate"] for run in trained] == ["0.001", "1e+30", "0.01"]
    assert (sweep.data.metrics["sweep/trials"], sweep.data.metrics["sweep/failed"]) == (3, 1)
    best = min((trained[0], trained[2]), key=lambda run: run.data.metrics["eval/loss_best"])
    assert sweep.data.tags["pipesql.sweep_best_run"] == best.info.run_id
    assert [run.info.run_id for run in trained if "pipesql.sweep_best" in run.data.tags] == [best.info.run_id]
    assert f"mlflow run . -e merge -P run_id={best.info.run_id}" in done.stdout
    table = project / "mlruns" / "pipesql" / sweep.info.run_id / "artifacts" / "trials.json"
    rows = json.loads(table.read_text())
    assert rows["columns"] == ["trial", "learning_rate", "eval/loss_best", "seconds", "status", "run"]
    assert [row[4] for row in rows["data"]] == ["FINISHED", "FAILED", "FINISHED"]

    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    client.set_terminated(sweep.info.run_id, "KILLED")
    client.delete_run(trained[2].info.run_id)
    again = step(project, "sweep", resume="last")
    assert again.returncode == 0, again.stderr
    assert client.get_run(sweep.info.run_id).info.status == "FINISHED"
    after = runs(project, "train")
    assert [run.info.run_id for run in after[:2]] == [run.info.run_id for run in trained[:2]]
    assert after[2].info.run_id != trained[2].info.run_id
    assert after[2].data.metrics["eval/loss_best"] == trained[2].data.metrics["eval/loss_best"]
    wrong = step(project, "sweep", grid="lerning_rate=1", model="tiny")
    assert (wrong.returncode, "did you mean learning_rate?" in wrong.stderr) == (2, True)
