"""The axes of a sweep: fields of the recipe, each with values to try or a range to draw from.

    learning_rate=1e-4,2e-4,4e-4; r=8,16                 values
    learning_rate=1e-5..1e-3:log; r=8..64                ranges: drawn uniformly, or log-uniformly

In a YAML file this is `learning_rate: [1e-4, 2e-4]` and `r: 8..64`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipesql.errors import InvalidFile, InvalidOption
from pipesql.finetune.recipe.files import recipe_for

LOG = ":log"
"""Suffix of a range: draw log-uniformly."""


@dataclass(frozen=True)
class Axis:
    """A field of the recipe with the values to try, as text; without values, the range from `low` to `high`."""

    name: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    """Whether the range has whole numbers only."""

    @property
    def is_range(self) -> bool:
        return not self.values

    def ends(self) -> tuple[str, ...]:
        """Every value, or both ends of the range; the recipe must accept them."""
        return self.values or (self.write(self.low), self.write(self.high))

    def write(self, number: float) -> str:
        """A number of the range as text."""
        return str(round(number)) if self.whole else f"{number:.6g}"


def read_axes(grid: str, recipe: str, model: str) -> list[Axis]:
    """Read the axes in a text, or in the YAML file that it names, and check them against the recipe.

    Raises BadInput for text that is not a grid, and for a field or value that the recipe refuses.
    """
    given = _parse_file(Path(grid)) if grid.endswith((".yaml", ".yml")) else _parse_text(grid)
    axes = [_axis(name, value) for name, value in given.items()]
    if not axes:
        raise InvalidOption('the sweep has no grid; pass grid="FIELD=VALUE,VALUE; FIELD=LOW..HIGH" or a YAML file')
    for axis in axes:
        for value in axis.ends():
            recipe_for(recipe, model, {axis.name: value})
    return axes


def _parse_text(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, values = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not values:
            raise InvalidOption(
                f"cannot read {part!r} in the grid; write FIELD=VALUE,VALUE or FIELD=LOW..HIGH, with ; between fields"
            )
        if name in found:
            raise InvalidOption(f"the grid has the field {name} twice; put all its values into one")
        found[name] = values if ".." in values else [value.strip() for value in values.split(",")]
    return found


def _parse_file(path: Path) -> dict[str, Any]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise InvalidFile(f"cannot read the grid {path}: {e.strerror}; pass a YAML file or the grid as text") from e
    except yaml.YAMLError as e:
        raise InvalidFile(f"the grid {path} is not valid YAML: {' '.join(str(e).split())}") from e
    if not isinstance(given, Mapping):
        raise InvalidFile(f"the grid {path} must have lines like `field: [value, value]` or `field: low..high`")
    return {str(name): values for name, values in given.items()}


def _axis(name: str, given: Any) -> Axis:
    if isinstance(given, str) and ".." in given:
        return _range(name, given)
    values = given if isinstance(given, list) else [given]
    texts = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    if not texts or any(not text for text in texts):
        raise InvalidOption(f"the grid has an empty value for {name}; write {name}=VALUE,VALUE")
    return Axis(name, texts)


def _range(name: str, text: str) -> Axis:
    ends, log = text.removesuffix(LOG), text.endswith(LOG)
    low, _, high = (piece.strip() for piece in ends.partition(".."))
    try:
        axis = Axis(name, (), float(low), float(high), log, low.lstrip("-").isdigit() and high.lstrip("-").isdigit())
    except ValueError as e:
        raise InvalidOption(
            f"the ends of the range {name}={text} are not numbers; write LOW..HIGH or LOW..HIGH:log"
        ) from e
    if axis.low >= axis.high or (log and axis.low <= 0):
        raise InvalidOption(
            f"the range {name}={text} is empty; LOW must be below HIGH, and above 0 for a range with :log"
        )
    return axis
