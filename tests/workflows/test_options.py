"""Options are declared once: what follows from a dataclass of options, and that mypy finds a misspelled one."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from pipesql.errors import InvalidOption
from pipesql.options import as_arguments, as_parameters, from_values, group, option, options_of, overrides, values_of
from pipesql.workflows import STEPS, workflow
from pipesql.workflows.command import StepCommand

ROOT = Path(__file__).resolve().parents[2]
Colour = Literal["red", "green"]


@dataclass(frozen=True)
class Recipe:
    name: str
    description: str
    learning_rate: float
    r: int = 8


@dataclass(frozen=True)
class Paint:
    colour: Colour = option("red", "Its colour.", old="hue", old_values={"crimson": "red"})
    coats: int = option(1, "Number of coats.")
    inner: str = "not an option"

    def __post_init__(self) -> None:
        if self.coats < 1:
            raise InvalidOption(f"coats is {self.coats}: it must be above 0")


@dataclass(frozen=True)
class HouseOptions:
    rooms: int = option(3, "Number of rooms.")
    garden: bool = option(True, "1: with a garden; 0: without.")
    paint: Paint = group(Paint)
    scale: float = option(1.0, "Its scale.", old="size")
    overrides: Mapping[str, str] = overrides(Recipe)


def house(options: HouseOptions) -> str:
    """Build a house.

    It is described in the end.
    """
    return repr(options)


def built(*words: str) -> tuple[HouseOptions, str]:
    """The options that the command passes on, and what it says on standard error."""
    result = CliRunner().invoke(StepCommand(house), words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return eval(result.stdout), result.stderr


def refused(*words: str) -> str:
    result = CliRunner().invoke(StepCommand(house), words, catch_exceptions=False)
    assert result.exit_code == 2 and result.stdout == ""
    return result.stderr.splitlines()[-1]


def test_a_dataclass_and_its_groups_give_flat_options() -> None:
    found = {one.name: (one.kind, one.default, one.help) for one in options_of(HouseOptions)}
    assert list(found) == ["rooms", "garden", "colour", "coats", "scale"]
    assert found["colour"] == (str, "red", "Its colour.")
    assert found["garden"] == (bool, True, "1: with a garden; 0: without.")


def test_the_command_passes_one_typed_value_on() -> None:
    assert built() == (HouseOptions(), "")
    made, said = built("--rooms", "4", "--garden", "0", "--colour", "green", "--r", "16")
    assert made == HouseOptions(rooms=4, garden=False, paint=Paint("green"), overrides={"r": "16"})
    assert said == ""


@pytest.mark.parametrize(("text", "value"), [("0", False), ("1", True), ("false", False), ("True", True)])
def test_switches_are_0_and_1_as_mlflow_parameters_are(text: str, value: bool) -> None:
    assert built("--garden", text)[0].garden is value


def test_help_shows_every_option_with_its_default() -> None:
    text = CliRunner().invoke(StepCommand(house), ["--help"]).output
    assert "Build a house.\n\n  It is described in the end." in text
    assert "--garden 0|1" in text and "1: with a garden; 0: without.  [default: 1]" in " ".join(text.split("\n"))
    assert "--learning_rate VALUE" in text and "Override the recipe's learning_rate." in text
    assert "--hue" not in text and "--inner" not in text


def test_old_names_and_values_work_with_one_line_of_warning() -> None:
    made, said = built("--hue", "green", "--size", "2")
    assert (made.paint.colour, made.scale) == ("green", 2.0)
    assert said == (
        "warning: option hue is now called colour; use the new name\n"
        "warning: option size is now called scale; use the new name\n"
    )
    made, said = built("--hue", "crimson")
    assert (made.paint.colour, said.count("\n")) == ("red", 1)
    made, said = built("--colour", "crimson")
    assert (made.paint.colour, said) == ("red", "warning: colour=crimson is now called colour=red; use that\n")


def test_mlflow_passes_an_old_name_beside_the_new_ones_default() -> None:
    """Parameters of MLproject all stand in the command, and one that it does not know is added behind them."""
    assert built("--colour", "red", "--scale", "1.0", "--size", "2")[0].scale == 2.0
    assert "size is the old name of scale: give scale alone" in refused("--scale", "3", "--size", "2")


def test_what_a_group_refuses_is_one_sentence() -> None:
    assert refused("--coats", "0") == "Error: coats is 0: it must be above 0"
    assert "is not a valid boolean" in refused("--garden", "2")


def test_parameters_give_the_same_options_again() -> None:
    made = HouseOptions(rooms=5, garden=False, paint=Paint("green", 2), overrides={"learning_rate": "1e-4"})
    given = as_parameters(made)
    assert given == {"rooms": "5", "garden": "0", "colour": "green", "coats": "2", "learning_rate": "1e-4"}
    assert built(*as_arguments(given))[0] == made
    assert as_parameters(HouseOptions()) == {}
    assert from_values(HouseOptions, {**values_of(made), "learning_rate": "1e-4"}) == made
    with pytest.raises(InvalidOption, match="there is no option 'romms'"):
        from_values(HouseOptions, {"romms": 1})


def test_mypy_finds_an_option_that_is_misspelled_where_it_is_used(tmp_path: Path) -> None:
    """On copies of the modules concerned, since mypy would read all that `import pipesql` offers."""
    (tmp_path / "pipesql").mkdir()
    (tmp_path / "pipesql" / "__init__.py").touch()
    for name in ("options.py", "errors.py"):
        shutil.copy(ROOT / "pipesql" / name, tmp_path / "pipesql" / name)
    code = (
        "from dataclasses import dataclass, replace\n"
        "from pipesql.options import group, option\n"
        "@dataclass(frozen=True)\n"
        "class Paint:\n"
        "    coats: int = option(1, 'Number of coats.')\n"
        "@dataclass(frozen=True)\n"
        "class HouseOptions:\n"
        "    rooms: int = option(3, 'Number of rooms.')\n"
        "    paint: Paint = group(Paint)\n"
        "options = HouseOptions(rooms=4)\n"
        "options.romms\n"
        "options.paint.coat\n"
        "HouseOptions(roms=4)\n"
        "replace(options, pain=Paint())\n"
        "many: str = options.rooms\n"
        "fine: int = options.rooms + options.paint.coats\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", "--strict", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = {int(line.split(":")[1]) for line in checked.stdout.splitlines() if ": error: " in line}
    assert (checked.returncode, wrong) == (1, {11, 12, 13, 14, 15}), checked.stdout + checked.stderr
    assert '"HouseOptions" has no attribute "romms"; maybe "rooms"?' in checked.stdout


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_options_with_help_and_no_name_twice(step: str) -> None:
    kind: type[Any] = typing.get_type_hints(workflow(step))["options"]
    declared = options_of(kind)
    assert dataclasses.is_dataclass(kind) and declared
    names = [one.name for one in declared] + [one.old for one in declared if one.old]
    assert len(names) == len(set(names))
    assert [one.name for one in declared if not one.help.endswith(".")] == []
    assert from_values(kind, {}) == kind()


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_help_begins_with_its_summary(step: str) -> None:
    assert (StepCommand(workflow(step)).help or "").split("\n\n")[0] == STEPS[step].summary


@pytest.mark.parametrize(
    ("step", "old", "new"),
    [
        ("evaluate", ("evidence", "words"), ("check", "mentions")),
        ("evaluate", ("evidence", "runs"), ("check", "runs")),
        ("merge", ("strength", "0.5"), ("scaling", 0.5)),
        ("data", ("disguises", "2"), ("renamings", 2)),
    ],
)
def test_the_options_of_0_1_that_were_renamed(
    step: str, old: tuple[str, str], new: tuple[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    command = StepCommand(workflow(step))
    kind = typing.get_type_hints(workflow(step))["options"]

    def keep(options: Any) -> str:
        given.append(options)
        return ""

    keep.__annotations__["options"] = kind
    command = StepCommand(keep)
    result = CliRunner().invoke(command, [f"--{old[0]}", old[1]], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert values_of(given[0])[new[0]] == new[1]
    assert result.stderr == f"warning: option {old[0]} is now called {new[0]}; use the new name\n"
    assert isinstance(command, click.Command)
