"""Every field of a recipe as an option: `mlflow run . -e train -P learning_rate=1e-4` passes it on as it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from pipesql.finetune.recipe.recipe import FIELDS

Function = Callable[..., Any]


def field_options(fields: Sequence[str]) -> Callable[[Function], Function]:
    """Collect those of the fields that are given in the parameter `overrides` of the command, as text by name."""

    def decorated(command: Function) -> Function:
        @wraps(command)
        def collected(**options: Any) -> Any:
            overrides = {name: options.pop(name) for name in fields}
            given = {name: value for name, value in overrides.items() if value is not None}
            return command(**options, overrides=given)

        for name in reversed(fields):
            say = f"Instead of the recipe's {name}."
            collected = click.option(f"--{name}", default=None, metavar="VALUE", help=say)(collected)
        return collected

    return decorated


recipe_options = field_options(FIELDS)
