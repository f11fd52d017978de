"""Recipes as YAML files: the shipped ones by name, a user's by path, single fields overridden; nothing unknown passes.

Two kinds of one form: those of `recipes/` train on samples (`Recipe`), those of `recipes/grpo/` by rewards
(`GrpoRecipe`).
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipesql.errors import BadInput
from pipesql.finetune.recipe.grpo import GrpoRecipe
from pipesql.finetune.recipe.recipe import Recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
GRPO_RECIPES = RECIPES / "grpo"

_OF_MODEL = {"smol": "smoke"}
"""Which recipe `auto` takes for a model that has none of its own name."""

AnyRecipe = TypeVar("AnyRecipe", Recipe, GrpoRecipe)


def recipe_for(recipe: str, model: str, overrides: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of that name or YAML path with some fields set otherwise; `auto` chooses by the model.

    `overrides` maps fields to values as they would stand in the file. Raises BadInput.
    """
    return _overridden(read_recipe(_file(recipe, model, RECIPES)), overrides or {})


def grpo_recipe_for(recipe: str, model: str, overrides: Mapping[str, str] | None = None) -> GrpoRecipe:
    """The same for the recipes of GRPO."""
    return _overridden(read_grpo_recipe(_file(recipe, model, GRPO_RECIPES)), overrides or {})


def shipped_recipes(folder: Path = RECIPES) -> list[str]:
    """Names of the recipes in that folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _file(recipe: str, model: str, folder: Path) -> Path:
    """The file of the recipe: a path as it is, a name in `folder`, `auto` by the model."""
    known = shipped_recipes(folder)
    if recipe == "auto":
        recipe = _OF_MODEL.get(model) or (model if model in known else "lora")
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe)
    if recipe not in known:
        raise BadInput(
            f"no recipe called {recipe!r}{_nearest(recipe, known)}: "
            f"give one of {', '.join(known)}, or the path of a YAML file"
        )
    return folder / f"{recipe}.yaml"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; its name is the file's. Raises BadInput naming file, key and what is wrong with it."""
    return _read(path, Recipe)


def read_grpo_recipe(path: Path) -> GrpoRecipe:
    """The same for a recipe of GRPO."""
    return _read(path, GrpoRecipe)


def _read(path: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise BadInput(f"cannot read the recipe {path}: {e.strerror}") from e
    except yaml.YAMLError as e:
        raise BadInput(f"{path} is not YAML: {' '.join(str(e).split())}") from e
    if not isinstance(values, dict):
        raise BadInput(f"{path}: a recipe is a list of `key: value` lines")
    values = {"name": path.stem, **values}
    required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    checked = _checked(values, kind, str(path))
    if missing := sorted(required - values.keys()):
        raise BadInput(f"{path}: the recipe lacks {', '.join(missing)}")
    return kind(**checked)


def _overridden(recipe: AnyRecipe, overrides: Mapping[str, str]) -> AnyRecipe:
    """The recipe with the fields that the command line sets otherwise."""
    fields = [field.name for field in dataclasses.fields(recipe) if field.name not in ("name", "description")]
    unknown = [key for key in overrides if key not in fields]
    if unknown:
        raise BadInput(f"a recipe has no field {unknown[0]!r}{_nearest(unknown[0], fields)}")
    values = {key: yaml.safe_load(value) if value else value for key, value in overrides.items()}
    return dataclasses.replace(recipe, **_checked(values, type(recipe), f"recipe {recipe.name}, overridden"))


def _checked(values: Mapping[str, Any], kind: type[Any], where: str) -> dict[str, Any]:
    """The values as the types of the fields have them. Raises BadInput for a key or value that does not fit."""
    kinds = typing.get_type_hints(kind)
    for key in values:
        if key not in kinds:
            raise BadInput(f"{where}: a recipe has no key {key!r}{_nearest(str(key), kinds)}")
    return {key: _of_kind(value, kinds[key], f"{where}: {key}") for key, value in values.items()}


def _of_kind(value: Any, kind: Any, where: str) -> Any:
    """The value if it is of the field's type; whole numbers serve as floats, and `2e-4` (text in YAML) as a number."""
    if choices := typing.get_args(kind):
        # YAML reads a bare on and off as truth values; as choices they are words.
        value = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        if value not in choices:
            raise BadInput(f"{where} is {value!r}, it must be one of {', '.join(choices)}")
        return value
    if kind is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise BadInput(f"{where} is {value!r}, it must be of type {kind.__name__}")


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
