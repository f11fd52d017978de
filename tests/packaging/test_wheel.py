"""The wheel by itself: built, installed into an empty environment, and used in an empty folder.

Nothing is downloaded: what the wheel requires is copied from the environment that runs the tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SITE = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}
PIPE = "FROM animals |> WHERE weight > 100 |> AGGREGATE COUNT(*) AS n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the files that git knows."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "pipesql", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", target, source], check=True)
    return next(target.glob("pipesql-*.whl"))


class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.environment, self.folder = folder / "environment", folder / "work"
        self.folder.mkdir()
        venv.create(self.environment, with_pip=False)
        python = self.environment / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)

    @property
    def site(self) -> Path:
        """Its folder of packages."""
        return self.environment / SITE

    def call(self, *command: object) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the empty folder."""
        program, *arguments = map(str, command)
        return subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.folder, env=CLEAN, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def pipesql(self, *arguments: object) -> str:
        """What the command prints; it must end well."""
        done = self.call("pipesql", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


def copy_with_requirements(name: str, extras: set[str], site: Path) -> None:
    """Copy a package and what it requires into another environment."""
    package = importlib.metadata.distribution(name)
    for file in package.files or ():
        if ".." not in file.parts and not (site / file).exists():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), site / file)
    for text in package.requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            copy_with_requirements(needed.name, needed.extras, site)


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with what it requires, and no extra."""
    installed = Installed(tmp_path_factory.mktemp("base"), wheel)
    (own,) = importlib.metadata.distributions(path=[str(installed.site)], name="pipesql")
    for text in own.requires or ():
        needed = Requirement(text)
        if needed.marker is None:
            copy_with_requirements(needed.name, needed.extras, installed.site)
    return installed


def test_the_wheel_holds_every_file_of_the_package(wheel: Path, base: Installed) -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "pipesql"], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = [name for name in listed.stdout.split("\0") if name and not (base.site / name).is_file()]
    assert missing == []
    assert (base.site / "pipesql" / "py.typed").is_file()


def test_python_has_the_front_door(base: Installed) -> None:
    code = (
        "import pipesql, json\n"
        "print(json.dumps([pipesql.__file__, pipesql.to_pipe('SELECT a FROM t WHERE b > 1'),"
        " pipesql.canonical('from t |> limit 3'), pipesql.to_sql('FROM t |> WHERE b > 1 |> SELECT a')]))"
    )
    done = base.call("python", "-c", code)
    assert done.returncode == 0, done.stderr
    place, *texts = json.loads(done.stdout)
    assert Path(place).is_relative_to(base.environment)
    assert texts == ["FROM t\n|> WHERE b > 1\n|> SELECT a", "FROM t\n|> LIMIT 3", "SELECT a FROM t WHERE b > 1"]


def test_commands_on_the_demo_databases(base: Installed) -> None:
    paths = base.pipesql("demo", "demo").splitlines()
    assert len(paths) == 13
    zoo = "demo/zoo/zoo.sqlite"
    assert zoo in paths
    assert json.loads(base.pipesql("run", "--json", "--db", zoo, PIPE))["n"] > 0
    assert "3  AGGREGATE COUNT(*) AS n" in base.pipesql("explain", "--db", zoo, PIPE)
    assert base.pipesql("check", "--db", zoo, PIPE).startswith("ok: 3 operators")
    pipe = base.pipesql("to-pipe", "--db", zoo, "SELECT COUNT(*) AS n FROM animals WHERE weight > 100")
    assert pipe == PIPE.replace(" |>", "\n|>") + "\n"
    assert base.pipesql("to-sql", "--db", zoo, pipe).startswith("SELECT COUNT(*) AS n FROM animals")


def test_recipes_and_forecasts_ship_with_it(base: Installed) -> None:
    recipes = base.pipesql("recipes")
    for path in (ROOT / "pipesql" / "recipes").rglob("*.yaml"):
        assert f"\n{path.stem} " in recipes
    assert "fits" in base.pipesql("plan", "--model", "7b", "--device", "h100")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "--model", "tiny"), "train"),
        (("evaluate",), "train"),
        (("ask", "--db", "one.sqlite", "Who?"), "train"),
        (("score", "--golden", "golden.jsonl", "--predictions", "answers.jsonl"), "train"),
        (("run", "--db", "one.duckdb", "FROM t"), "databases"),
        (("run", "--db", "postgresql://localhost/one", "FROM t"), "databases"),
    ],
)
def test_what_an_extra_brings_is_asked_for_by_its_name(base: Installed, arguments: tuple[str, ...], extra: str) -> None:
    sqlite3.connect(base.folder / "one.sqlite").close()
    done = base.call("pipesql", *arguments)
    assert done.returncode == 2, done.stderr
    assert f"pip install 'pipesql[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_data_and_training_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    installed = Installed(tmp_path, wheel)
    (installed.site / "extra.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = installed.call("python", "-c", "import pipesql, steps")
    assert "No module named 'steps'" in where.stderr
    done = installed.call("pipesql", "data", "--benchmark", "demo", "--limit", "3")
    assert done.returncode == 0, done.stderr
    assert str(installed.folder) in done.stderr, "a command says where its runs go"
    done = installed.call("pipesql", "train", "--model", "tiny")
    assert done.returncode == 0, done.stderr
    assert {"mlflow.db", "mlruns", "output"} <= {path.name for path in installed.folder.iterdir()}
