"""Whether a training must compute its activations again: `activation_checkpointing: auto` asks the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipesql.errors import BadInput
from pipesql.finetune.plan.devices import Device
from pipesql.finetune.plan.forecast import ROOM
from pipesql.finetune.plan.memory import memory_terms
from pipesql.finetune.plan.shapes import shape_from
from pipesql.finetune.recipe import Recipe


def choose_checkpointing(config: Mapping[str, Any], recipe: Recipe, device: Device, longest: int) -> tuple[bool, str]:
    """(whether it is on, a line that says why) for a model of that configuration and rows of `longest` tokens.

    A model whose shape the forecast does not know gets it: it is slower by a third, but does not run out of memory.
    """
    if recipe.activation_checkpointing != "auto":
        return recipe.activation_checkpointing == "on", ""
    try:
        shape = shape_from(config, "the model")
    except BadInput as unknown:
        return True, f"activation checkpointing: on ({unknown})"
    tokens = longest * recipe.per_device_train_batch_size
    needed = sum(memory_terms(shape, recipe, device, False, tokens).values())
    if needed <= ROOM * device.memory:
        return False, ""
    return True, f"activation checkpointing: on (without it {needed / 1e9:.1f} GB of {device.memory / 1e9:.1f} GB)"
