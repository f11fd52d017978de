"""What the repository promises about itself: entry points, locks, recipes, and nothing of one machine in it."""

from __future__ import annotations

import importlib
import json
import shlex
import string
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipesql.finetune.recipe.recipe import FIELDS, GRPO_FIELDS

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS: dict[str, Any] = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPES = sorted((ROOT / "pipesql" / "recipes").glob("*.yaml"))
TYPES = {"string": "text", "int": "integer", "float": "float", "bool": "boolean"}


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_an_entry_points_parameters_are_its_commands_options(entry: str) -> None:
    command = importlib.import_module(f"steps.{entry}").main
    # A recipe's fields come as `-P field=value` without standing in MLproject: MLflow passes on what it does not know.
    # So do the old names of options, which are hidden.
    unlisted = {"train": FIELDS, "main": FIELDS, "grpo": GRPO_FIELDS}.get(entry, ())
    listed = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    options = {p.name: p for p in listed if p.name not in unlisted}
    parameters = ENTRY_POINTS[entry]["parameters"]
    assert {name: (TYPES[p["type"]], p["default"]) for name, p in parameters.items()} == {
        name: (option.type.name, option.default) for name, option in options.items()
    }
    assert all(option.opts == [f"--{name}"] and option.help for name, option in options.items())


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_an_entry_points_command_passes_every_parameter(entry: str) -> None:
    command, parameters = ENTRY_POINTS[entry]["command"], ENTRY_POINTS[entry]["parameters"]
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", f"steps.{entry}"]
    assert words[3:] == [word for name in parameters for word in (f"--{name}", f"{{{name}}}")]
    assert {name for _, name, _, _ in string.Formatter().parse(command) if name} == set(parameters)


def test_an_empty_parameter_arrives_as_an_empty_argument() -> None:
    from mlflow.projects._project_spec import load_project

    command = load_project(str(ROOT)).get_entry_point("merge").compute_command({}, None)
    assert shlex.split(command)[3:] == [
        "--run_id",
        "",
        "--recipe",
        "",
        "--checkpoint",
        "best",
        "--scaling",
        "1.0",
        "--average",
        "",
        "--gguf",
        "",
    ]


def test_a_parameter_that_is_not_listed_is_passed_on_as_an_option() -> None:
    """By that, fields of recipes and old names of options reach a step."""
    from mlflow.projects._project_spec import load_project

    command = load_project(str(ROOT)).get_entry_point("evaluate").compute_command({"evidence": "runs"}, None)
    words = shlex.split(command)
    assert words[words.index("--check") + 1] == "mentions"
    assert words[-2:] == ["--evidence", "runs"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads(path: Path) -> None:
    from pipesql.finetune.recipe.files import read_recipe

    assert read_recipe(path).name == path.stem


def test_recipes_are_there() -> None:
    assert {"tiny", "smoke"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("script", ["lock.py", "options.py"])
def test_what_a_script_makes_is_current(script: str) -> None:
    """conda.yaml is made from the lock; MLproject and the page of entry points from the options."""
    checked = subprocess.run(
        [sys.executable, f"scripts/{script}", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_locks_pin_what_pyproject_asks_for() -> None:
    pins: dict[str, list[Requirement]] = {}
    for lock in ("requirements.lock", "requirements-torch.lock", "requirements-dev.lock"):
        for line in (ROOT / lock).read_text().splitlines():
            if line and not line.startswith("#"):
                pins.setdefault(canonicalize_name(Requirement(line).name), []).append(Requirement(line))
    asked = [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["train"],
        *PROJECT["optional-dependencies"]["dev"],
        *PROJECT["optional-dependencies"]["docs"],
    ]
    for text in asked:
        wanted = Requirement(text)
        found = pins.get(canonicalize_name(wanted.name), [])
        assert found, f"{text} is in no lock: run `python scripts/lock.py`"
        for pin in found:
            (version,) = [s.version for s in pin.specifier]
            assert version in wanted.specifier, f"{pin} does not serve {text}: run `python scripts/lock.py`"


def test_the_locks_name_no_place_and_no_build_of_torch() -> None:
    for lock in ("requirements.lock", "requirements-torch.lock", "requirements-dev.lock", "conda.yaml"):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        assert "+cpu" not in text
        assert "nvidia-cu" not in text


def test_no_file_names_a_place_on_one_machine() -> None:
    # Spelt in pieces, so that this file does not hold what it looks for.
    places = ["/" + "work/", "/" + "opt/wheels", "/" + "opt/pypi", "/" + "root/", "/" + "home/"]
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)} names {place}" for place in places if place in text]
    assert [f for f in found if not f.startswith("tests/tracking/test_conda.py")] == []


def test_modules_are_small_and_named_for_their_subject() -> None:
    modules = list((ROOT / "pipesql").rglob("*.py"))
    assert [p.name for p in modules if p.stem in ("utils", "helpers", "manager", "misc", "common")] == []
    long = {str(p.relative_to(ROOT)): n for p in modules if (n := len(p.read_text().splitlines())) > 360}
    assert long == {}


def test_the_readme_names_the_two_commands_and_every_entry_point() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make smoke" in readme
    assert "make test" in readme
    assert [entry for entry in ENTRY_POINTS if f"-e {entry}" not in readme] == []


def test_mlproject_names_the_conda_file() -> None:
    assert yaml.safe_load((ROOT / "MLproject").read_text())["conda_env"] == "conda.yaml"


def test_recorded_durations_are_those_of_files_that_are_there() -> None:
    tiers = json.loads((ROOT / "tests" / "durations.json").read_text(encoding="utf-8"))
    assert sorted(tiers) == ["long", "short"]
    assert [file for files in tiers.values() for file in files if not (ROOT / file).is_file()] == []
