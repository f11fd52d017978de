"""The forecast of a training, as the command `plan` prints it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipesql.errors import BadInput, DoesNotFit
from pipesql.finetune.plan.devices import device_of
from pipesql.finetune.plan.forecast import forecast, require_fit
from pipesql.finetune.plan.text import forecast_text, table
from pipesql.finetune.plan.work import folder_work, spider_work
from pipesql.finetune.recipe.files import recipe_for

__all__ = ["planned", "table"]


def planned(
    model: str,
    recipe: str,
    parameters: Sequence[str],
    data: Path | None,
    queries: int,
    device: str,
    memory_gb: float,
    as_json: bool,
) -> tuple[str, DoesNotFit | None]:
    """The forecast as text or JSON, and what there is to say where it does not fit.

    `parameters` are KEY=VALUE as for `mlflow run -P`: `model` and `recipe` go before the arguments of that name, all
    others are fields of the recipe. Raises BadInput.
    """
    if data is not None and queries:
        raise BadInput("--queries counts queries like Spider's, and --data counts a folder's: give one of the two")
    overrides = dict(_setting(one) for one in parameters)
    model, recipe = overrides.pop("model", model), overrides.pop("recipe", recipe)
    chosen = recipe_for(recipe, model, overrides)
    work = folder_work(data, chosen, model) if data is not None else spider_work(chosen, queries)
    found = forecast(model, chosen, device_of(device, memory_gb), work)
    text = json.dumps(found.row(), indent=2) if as_json else forecast_text(found)
    try:
        require_fit(found)
    except DoesNotFit as complaint:
        return text, complaint
    return text, None


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"-P {text!r} sets nothing: write KEY=VALUE")
    return name.strip(), value.strip()
