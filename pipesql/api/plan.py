"""What a training will need, before anything is downloaded: memory, time, and whether it fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipesql.errors import InvalidOption
from pipesql.finetune.plan.devices import device_of
from pipesql.finetune.plan.forecast import Forecast, folder_work, forecast, spider_work
from pipesql.finetune.recipe.files import recipe_for


def plan(
    model: str = "smol",
    recipe: str = "auto",
    *,
    overrides: Mapping[str, str] | None = None,
    data: Path | None = None,
    queries: int = 0,
    device: str = "auto",
    memory_gb: float = 0.0,
) -> Forecast:
    """The forecast of a training: peak memory in bytes by term, steps, and seconds.

    `recipe` is a name in `pipesql/recipes`, a YAML file, or `auto` (by the model); `overrides` are its fields to values
    as they would stand in the file. `data` is a data folder to count; without one the forecast is for `queries` queries
    of Spider's average size, or for 0 for Spider itself. `device` is `auto`, `cpu`, `cuda` or a card (`rtx4080`,
    `a100`, `h100` …), `memory_gb` its memory if it has another.

    >>> from pipesql.api.plan import plan
    >>> forecast = plan("7b", device="h100")
    >>> forecast.fits, forecast.memory < 80e9  # bytes
    (True, True)

    Raises InvalidOption or InvalidFile for what cannot be used. A training that does not fit is not an error here: see
    `fits`.
    """
    if data is not None and queries:
        raise InvalidOption("--queries and --data both say how much is trained on: give one of them")
    chosen = recipe_for(recipe, model, overrides or {})
    work = folder_work(data, chosen, model) if data is not None else spider_work(chosen, queries)
    return forecast(model, chosen, device_of(device, memory_gb), work)
