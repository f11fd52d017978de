"""Recipes as YAML files: shipped ones by name, a user's by path, with overrides of single fields.

Files in `recipes/` are for training on samples (`Recipe`), those in `recipes/grpo/` for training by rewards
(`GrpoRecipe`). Unknown keys are refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipesql.errors import InvalidFile, InvalidOption
from pipesql.finetune.recipe.recipe import GrpoRecipe, Recipe, field_names

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
GRPO_RECIPES = RECIPES / "grpo"

_AUTO = {"smol": "smoke"}
"""Model → the recipe that `auto` takes, where it does not have the model's name."""

AnyRecipe = TypeVar("AnyRecipe", Recipe, GrpoRecipe)


def recipe_for(recipe: str, model: str, overrides: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of that name or YAML path with overrides; `auto` chooses by the model.

    `overrides` maps fields to values as text, as in the file. Raises BadInput.
    """
    return _overridden(read_recipe(_file(recipe, model, RECIPES)), overrides or {})


def grpo_recipe_for(recipe: str, model: str, overrides: Mapping[str, str] | None = None) -> GrpoRecipe:
    """The GRPO recipe of that name or YAML path with overrides; as `recipe_for`."""
    return _overridden(read_grpo_recipe(_file(recipe, model, GRPO_RECIPES)), overrides or {})


def shipped_recipes(folder: Path = RECIPES) -> list[str]:
    """Names of the recipes in that folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _file(recipe: str, model: str, folder: Path) -> Path:
    """The file of a recipe: given by its path, by its name in `folder`, or as `auto`, by the model."""
    known = shipped_recipes(folder)
    if recipe == "auto":
        recipe = _AUTO.get(model) or (model if model in known else "lora")
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe)
    if recipe not in known:
        raise InvalidOption(
            f"there is no recipe {recipe!r}{_nearest(recipe, known)}; "
            f"pass one of {', '.join(known)}, or the path of a YAML file"
        )
    return folder / f"{recipe}.yaml"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; its name is the file's. Raises InvalidFile, naming the file, the key and the fault."""
    return _read(path, Recipe)


def read_grpo_recipe(path: Path) -> GrpoRecipe:
    """Read a recipe file of GRPO; as `read_recipe`."""
    return _read(path, GrpoRecipe)


def _read(path: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise InvalidFile(f"cannot read the recipe {path}: {e.strerror}; pass a recipe's name or a YAML file") from e
    except yaml.YAMLError as e:
        raise InvalidFile(f"the recipe {path} is not valid YAML: {' '.join(str(e).split())}") from e
    if not isinstance(values, dict):
        raise InvalidFile(f"the recipe {path} must be a list of `key: value` lines")
    values = {"name": path.stem, **values}
    required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    checked = _checked(values, kind, str(path))
    if missing := sorted(required - values.keys()):
        raise InvalidFile(f"the recipe {path} lacks {', '.join(missing)}; add it to the file")
    return kind(**checked)


def _overridden(recipe: AnyRecipe, overrides: Mapping[str, str]) -> AnyRecipe:
    """The recipe with the fields that the command line overrides."""
    fields = field_names(type(recipe))
    unknown = [key for key in overrides if key not in fields]
    if unknown:
        raise InvalidOption(f"recipes have no field {unknown[0]!r}{_nearest(unknown[0], fields)}")
    values = {key: yaml.safe_load(value) if value else value for key, value in overrides.items()}
    return dataclasses.replace(recipe, **_checked(values, type(recipe), f"override of recipe {recipe.name}"))


def _checked(values: Mapping[str, Any], kind: type[Any], where: str) -> dict[str, Any]:
    """The values converted to the types of their fields. Raises InvalidOption for an unknown key or a wrong value."""
    kinds = typing.get_type_hints(kind)
    for key in values:
        if key not in kinds:
            raise InvalidOption(f"{where}: recipes have no field {key!r}{_nearest(str(key), kinds)}")
    return {key: _of_kind(value, kinds[key], f"{where}: {key}") for key, value in values.items()}


def _of_kind(value: Any, kind: Any, where: str) -> Any:
    """The value as the field's type; a float may be a whole number or `2e-4`, which YAML reads as text."""
    if choices := typing.get_args(kind):
        # YAML reads a bare on or off as a truth value; as choices they are words.
        value = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        if value not in choices:
            raise InvalidOption(f"{where} is {value!r}, but it must be one of {', '.join(choices)}")
        return value
    if kind is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise InvalidOption(f"{where} is {value!r}, but it must be of type {kind.__name__}")


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
