"""The forecast of one training on one device: memory, steps and hours, whether it fits, and what would instead.

Whether a training must compute its activations again: `activation_checkpointing: auto` asks the forecast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipesql.errors import BadInput, DoesNotFit
from pipesql.finetune.plan.devices import GPU_PASS, Device
from pipesql.finetune.plan.memory import memory_terms
from pipesql.finetune.plan.shapes import Shape, shape_from, shape_of
from pipesql.finetune.plan.work import Work
from pipesql.finetune.recipe.files import RECIPES, read_recipe
from pipesql.finetune.recipe.recipe import Recipe

ROOM = 0.92
"""The share of a device's memory that a forecast may fill: forecasts err."""
SHORTER = (2048, 1024)
"""Values of `max_length` that are tried where a longer one does not fit."""
PROPOSED = {"7b": "7b", "3b": "lora", "1.5b": "1.5b", "0.5b": "lora", "smol": "smol"}
"""Model → recipe, from the largest down: what is proposed in place of a model that does not fit."""


@dataclass(frozen=True)
class Forecast:
    """What a training needs on one device. Memory in bytes, time in seconds; all of it reckoned, nothing measured."""

    model: str
    shape: Shape
    recipe: Recipe
    device: Device
    work: Work
    checkpointing: bool
    terms: dict[str, float]

    @property
    def memory(self) -> float:
        """The peak."""
        return sum(self.terms.values())

    @property
    def fits(self) -> bool:
        """Whether the device has that much, with some room."""
        return self.memory <= ROOM * self.device.memory

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.work.steps(self.recipe)

    @property
    def flops_a_token(self) -> float:
        """Two operations a weight forward, two for the gradient of what came in, two for that of a trained weight; two
        more where activations are computed again (Korthikanti et al. 2022, §5)."""
        trained = self.shape.adapter_parameters(self.recipe.r, self.recipe.target_modules)
        base = self.shape.block_parameters
        passes = 4 if self.recipe.use_peft else 6
        return (passes + (2 if self.checkpointing else 0)) * base + (6.0 * trained if self.recipe.use_peft else 0.0)

    @property
    def head_flops(self) -> float:
        """Operations of one pass over the data for the output layer, which meets the targets alone."""
        return 4.0 * self.shape.vocabulary * self.shape.hidden * self.work.targets

    @property
    def epoch_seconds(self) -> float:
        """One pass over the data: what must be computed, or what launching it takes if that is more."""
        computing = (self.flops_a_token * self.work.tokens + self.head_flops) / self.device.usable_flops
        if self.device.kind == "cpu":
            return computing
        passes = math.ceil(self.work.rows / self.recipe.per_device_train_batch_size)
        return max(computing, passes * self.shape.layers * GPU_PASS)

    @property
    def tokens_a_second(self) -> float:
        """Computed tokens, padding excluded."""
        return self.work.tokens / self.epoch_seconds

    @property
    def targets_a_second(self) -> float:
        """Learnt tokens."""
        return self.work.targets / self.epoch_seconds

    @property
    def seconds(self) -> float:
        """Training steps alone, without evaluations."""
        return self.work.epochs(self.recipe) * self.epoch_seconds

    def row(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {
            "model": self.model,
            "recipe": self.recipe.name,
            "device": self.device.name,
            "device_memory_gb": round(self.device.memory / 1e9, 2),
            "parameters": self.shape.parameters,
            "memory_gb": round(self.memory / 1e9, 2),
            "memory_terms_gb": {name: round(size / 1e9, 3) for name, size in self.terms.items()},
            "activation_checkpointing": self.checkpointing,
            "fits": self.fits,
            "queries": self.work.queries,
            "steps": self.steps,
            "epochs": round(self.work.epochs(self.recipe), 3),
            "tokens_per_second": round(self.tokens_a_second, 1),
            "target_tokens_per_second": round(self.targets_a_second, 1),
            "hours": round(self.seconds / 3600, 3),
        }


def forecast(model: str, recipe: Recipe, device: Device, work: Work) -> Forecast:
    """Reckon a training. `activation_checkpointing: auto` is on where it does not fit without. Raises BadInput."""
    shape, tokens = shape_of(model), work.longest * recipe.per_device_train_batch_size
    choices = {"on": (True,), "off": (False,)}.get(recipe.activation_checkpointing, (False, True))
    for checkpointing in choices:
        terms = memory_terms(shape, recipe, device, checkpointing, tokens)
        found = Forecast(model, shape, recipe, device, work, checkpointing, terms)
        if found.fits:
            break
    return found


def alternatives(found: Forecast) -> list[Forecast]:
    """What fits in place of a training that does not: the same model with a setting or two changed, else a smaller
    model of the project with its recipe, the largest first."""
    recipe, device, work = found.recipe, found.device, found.work
    changed = [replace(recipe, activation_checkpointing="on")]
    changed += [replace(changed[0], max_length=size) for size in SHORTER if size < recipe.max_length]
    if recipe.use_peft and not recipe.load_in_4bit:
        changed.append(replace(changed[0], load_in_4bit=True))
    tried = [forecast(found.model, one, device, _cut(work, one)) for one in changed]
    if not any(one.fits for one in tried):
        smaller = [name for name in PROPOSED if shape_of(name).parameters < found.shape.parameters]
        recipes = {name: read_recipe(RECIPES / f"{PROPOSED[name]}.yaml") for name in smaller}
        tried = [forecast(name, one, device, _cut(work, one)) for name, one in recipes.items()]
    return [one for one in tried if one.fits]


def _cut(work: Work, recipe: Recipe) -> Work:
    """The same work with rows no longer than the recipe has them."""
    return replace(work, longest=min(work.longest, recipe.max_length))


def require_fit(found: Forecast) -> None:
    """Raises DoesNotFit, in a sentence that names what would fit, where the forecast is beyond the device."""
    if found.fits:
        return
    said = (
        f"{found.model} with recipe {found.recipe.name} needs {found.memory / 1e9:.1f} GB, "
        f"{found.device.name} has {found.device.memory / 1e9:.1f} GB"
    )
    other = next(iter(alternatives(found)), None)
    if other is None:
        raise DoesNotFit(f"{said}, and nothing that pipesql ships would fit: take a device with more memory")
    if other.model != found.model:
        raise DoesNotFit(
            f"{said}: model {other.model} with recipe {other.recipe.name} fits ({other.memory / 1e9:.1f} GB)"
        )
    changes = {
        name: value
        for name in ("max_length", "load_in_4bit", "activation_checkpointing")
        if (value := getattr(other.recipe, name)) != getattr(found.recipe, name)
    }
    settings = ", ".join(f"{name}: {str(value).lower()}" for name, value in changes.items())
    raise DoesNotFit(f"{said}: with {settings} it fits ({other.memory / 1e9:.1f} GB)")


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
