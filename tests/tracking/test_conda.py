"""The stand-in for conda answers what MLflow asks of conda, and keeps out of the way where conda is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from mlflow.utils.conda import get_or_create_conda_env

from pipesql.errors import BadInput
from pipesql.tracking import conda
from pipesql.tracking.plugin import CondaStandIn, ProjectExperiment

SERVED_HERE = (
    "dependencies:\n- python=3.11\n- pip\n- pip:\n  - click\n  - 'colorama==0.0 ; sys_platform == \"win32\"'\n"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in with no environment yet."""
    folder = tmp_path / "stand-in"
    monkeypatch.setattr(conda, "stand_in_home", lambda: folder)
    # The commands run as processes of their own, to which only this variable speaks.
    monkeypatch.setenv("CONDA_ENVS_PATH", str(folder / "envs"))
    return conda.write_stand_in()


def ask(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([home / "bin" / "conda", *arguments], capture_output=True, text=True, check=False)


def test_mlflow_gets_this_environment_where_it_serves(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "conda.yaml"
    file.write_text(SERVED_HERE)
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(home))
    for _ in ("created", "found again"):
        activate = get_or_create_conda_env(str(file)).get_activate_command()
        shell = " && ".join([*activate, "python -c 'import sys; print(sys.prefix)'"])
        bare = {"PATH": os.defpath, "CONDA_ENVS_PATH": os.environ["CONDA_ENVS_PATH"]}
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, env=bare)
        assert done.stdout.strip() == sys.prefix
    assert len(json.loads(ask(home, "env", "list", "--json").stdout)["envs"]) == 1


def test_uv_makes_another_one_where_it_does_not_serve(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    wheel = tmp_path / "novelty-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as out:
        out.writestr("novelty.py", "WORD = 'new'\n")
        out.writestr("novelty-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: novelty\nVersion: 1.0\n")
        out.writestr("novelty-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr("novelty-1.0.dist-info/RECORD", "")
    file = tmp_path / "conda.yaml"
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    file.write_text(f"dependencies:\n- python={python}\n- pip:\n  - novelty @ {wheel.as_uri()}\n")
    made = ask(home, "env", "create", "-n", "other", "--file", str(file))
    assert made.returncode == 0, made.stderr
    assert "lacks novelty" in made.stderr
    load = f"source {home}/etc/profile.d/conda.sh && conda activate other"
    use = f"{load} && python -c 'import novelty; print(novelty.WORD)'"
    assert subprocess.run(["bash", "-c", use], capture_output=True, text=True, check=True).stdout == "new\n"
    assert ask(home, "remove", "--yes", "--name", "other", "--all").returncode == 0
    assert json.loads(ask(home, "env", "list", "--json").stdout) == {"envs": []}


def test_a_failed_creation_leaves_no_environment(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    file = tmp_path / "conda.yaml"
    file.write_text(f"dependencies:\n- pip:\n  - absent @ {(tmp_path / 'absent-1-py3-none-any.whl').as_uri()}\n")
    failed = ask(home, "env", "create", "-n", "broken", "--file", str(file))
    assert failed.returncode == 1
    assert "uv could not create the environment" in failed.stderr.splitlines()[-1]
    assert json.loads(ask(home, "env", "list", "--json").stdout) == {"envs": []}
    activated = subprocess.run(
        ["bash", "-c", f"source {home}/etc/profile.d/conda.sh' && conda activate broken"], check=False
    )
    assert activated.returncode != 0


def test_mlflow_leaves_the_folder_unquoted_so_one_with_a_space_is_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/a user/pipesql/.venv")
    monkeypatch.setenv("PIPESQL_CACHE", "/cache")
    assert conda.stand_in_home().parent == Path("/cache/conda")


def test_help_is_there_because_mlflow_asks_for_it(home: Path) -> None:
    assert ask(home, "--help").returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependencies:\n- python=3.11\n- cudatoolkit=11\n", "only conda itself can install"),
        ("- a list\n", "is not a conda environment file"),
        ("dependencies: [\n", "is not a conda environment file"),
    ],
)
def test_a_file_that_asks_for_more_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "conda.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=message):
        conda.read_environment(file)


def test_requirements_are_compared_with_what_is_installed() -> None:
    assert conda.unmet(["click", "click>=1", "nothing-of-that-name==1 ; sys_platform == 'win32'"]) == []
    missing = conda.unmet(["click<1", "nothing-of-that-name"])
    assert [m.split()[0] for m in missing] == ["click<1", "nothing-of-that-name"]
    assert conda.serves("3.11")
    assert conda.serves("")
    assert not conda.serves("2.7")
    assert not conda.serves("3.99")


@pytest.mark.parametrize("variable", ["MLFLOW_CONDA_HOME", "CONDA_EXE"])
def test_where_conda_is_nothing_changes(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("MLFLOW_CONDA_HOME", "CONDA_EXE", "MLFLOW_CONDA_CREATE_ENV_CMD")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/the/users/own/conda")
    CondaStandIn()
    assert {name: os.environ[name] for name in names if name in os.environ} == {variable: "/the/users/own/conda"}


@pytest.mark.skipif(shutil.which("conda") is not None, reason="conda is installed here")
def test_where_conda_is_not_mlflow_is_pointed_at_the_stand_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_CONDA_HOME", "CONDA_EXE", "MLFLOW_CONDA_CREATE_ENV_CMD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pipesql.tracking.plugin.write_stand_in", lambda: home)
    CondaStandIn()
    assert os.environ["MLFLOW_CONDA_HOME"] == str(home)


def test_the_experiment_is_given_inside_a_checkout_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mlflow"])
    monkeypatch.chdir(tmp_path)
    assert not ProjectExperiment().in_context()
    (tmp_path / "MLproject").write_text("name: pipesql\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert ProjectExperiment().in_context()
