"""The tracking store is created once and whole, and refuses what is not one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.tracking import store as store_module
from pipesql.tracking.store import default_uri, ensure_experiment, project_root, use_store

FIRST_USE = """
from pipesql.tracking.runs import step_run
with step_run("data") as run:
    run.params(limit=1)
"""


def test_four_processes_create_one_store_and_all_log(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a folder/mlflow.db"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")} | {"MLFLOW_TRACKING_URI": uri}
    started = [subprocess.Popen([sys.executable, "-c", FIRST_USE], env=environment) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    with closing(sqlite3.connect(tmp_path / "a folder" / "mlflow.db")) as db:
        assert db.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall() == [("FINISHED", 4)]
        experiments = db.execute("SELECT name, artifact_location FROM experiments ORDER BY name").fetchall()
    assert [name for name, _ in experiments] == ["Default", "pipesql"]
    assert all("/a%20folder/mlruns/" in location for _, location in experiments)
    assert not list((tmp_path / "a folder").glob(".mlflow.db.*"))


def test_the_default_store_is_at_the_project_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (project_root() / "MLproject").is_file()
    assert default_uri() == f"sqlite:///{project_root()}/mlflow.db"
    monkeypatch.setattr(store_module, "project_root", lambda: tmp_path)
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    assert default_uri().startswith("sqlite:///")
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    with pytest.raises(BadInput, match="is from an old file store"):
        default_uri()


def test_the_marker_in_mlruns_does_not_turn_mlflow_back_to_its_file_store(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    assert (project_root() / "mlruns" / "README").is_file()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(project_root())
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)
    assert mlflow.get_tracking_uri() == default_uri()


def test_the_environment_names_another_experiment(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = use_store()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    assert use_store() != ours


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///{folder}/text.db", "is not a tracking database"),
        ("sqlite:///{folder}/text.db/below/mlflow.db", "cannot create the tracking database"),
        ("sqlite//{folder}/x.db", "is not a database URI"),
        ("nonsense://server", "cannot be used"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence(uri: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is not a database, but it is long enough to look like a file of one" * 20)
    with pytest.raises(BadInput, match=message):
        ensure_experiment(uri.format(folder=tmp_path))
