"""The forecast of one training on one device: memory, steps and hours, whether it fits in memory, and what would.

It is made before anything is downloaded. The amount of computing (`Work`) is counted on a data folder, or estimated
from Spider's averages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipesql.errors import NotEnoughMemory
from pipesql.finetune.plan.devices import GPU_PASS, Device
from pipesql.finetune.plan.memory import USABLE_MEMORY, Shape, memory_terms, shape_of
from pipesql.finetune.recipe.files import RECIPES, read_recipe
from pipesql.finetune.recipe.recipe import Recipe

SPIDER = {"shared": 86, "bfd": 293, "none": 1088}
"""Packing → computed tokens a query of Spider's golden pairs (`pipesql samples layouts`, docs/guides/samples.md).
`none` is counted in layout steps, as the reproduction guide trains, without the padding of its batches."""
SPIDER_TARGETS = 52
"""Target tokens of a query."""
SPIDER_QUERIES = 8648
OPERATORS = 3.83
"""Operators of an average query of Spider, and so its samples in layout steps."""


@dataclass(frozen=True)
class Work:
    """One epoch. `rows` are packs, or samples without packing; `longest` is the most tokens of a row."""

    what: str
    queries: int
    rows: int
    tokens: int
    targets: int
    longest: int

    def steps(self, recipe: Recipe) -> int:
        """Optimizer steps of the training."""
        found = math.ceil(math.ceil(self.rows / recipe.rows_a_step) * recipe.num_train_epochs)
        return recipe.max_steps if recipe.max_steps > 0 else max(1, found)

    def epochs(self, recipe: Recipe) -> float:
        """Passes over the data in those steps."""
        return self.steps(recipe) * recipe.rows_a_step / self.rows


def spider_work(recipe: Recipe, queries: int = 0) -> Work:
    """An epoch over that number of queries (0: all golden pairs of Spider train) of Spider's average size."""
    count = queries or SPIDER_QUERIES
    if recipe.max_train_queries:
        count = min(count, recipe.max_train_queries)
    tokens = count * SPIDER[recipe.packing]
    rows = round(count * OPERATORS) if recipe.packing == "none" else math.ceil(1.06 * tokens / recipe.max_length)
    # Samples of layout steps are short; memory must hold the longest of Spider's, 1,818 tokens.
    longest = min(recipe.max_length, 1818) if recipe.packing == "none" else recipe.max_length
    return Work(f"{count:,} queries like Spider's", count, rows, tokens, count * SPIDER_TARGETS, longest)


def folder_work(folder: Path, recipe: Recipe, model: str, limit: int = 0) -> Work:
    """An epoch over a data folder's training samples, tokenised and packed as training does it.

    The tokenizer is tiny's for the model tiny, else smol's, whose counts are much the same for other models. Raises
    BadInput for samples that cannot be used.
    """
    from pipesql.finetune.data.dataset import pack_rows, read_dataset

    dataset = read_dataset(folder, _tokenizer(model), replace(recipe, max_eval_queries=1), limit, 0)
    queries = len({row.id for row in dataset.train_rows})
    lengths = [len(row["input_ids"]) for row in pack_rows(dataset.train_rows, recipe, 0)]
    if recipe.packing == "bfd":
        total = sum(lengths)
        packs = math.ceil(1.02 * total / recipe.max_length)
        return Work(str(folder), queries, packs, total, dataset.train.target_tokens, recipe.max_length)
    return Work(str(folder), queries, len(lengths), sum(lengths), dataset.train.target_tokens, max(lengths))


def _tokenizer(model: str) -> Any:
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    return load_tokenizer(resolve_model(model if model == "tiny" else "smol"))


SHORTER = (2048, 1024)
"""Values of `max_length` that are tried where a longer one does not fit in memory."""
PROPOSED = {"7b": "7b", "3b": "lora", "1.5b": "1.5b", "0.5b": "lora", "smol": "smol"}
"""Model → recipe, from the largest down: proposed instead of a model that does not fit in memory."""


@dataclass(frozen=True)
class Forecast:
    """What a training needs on one device: memory in bytes, time in seconds, computed and not measured."""

    model: str
    shape: Shape
    recipe: Recipe
    device: Device
    work: Work
    checkpointing: bool
    terms: dict[str, float]

    @property
    def memory(self) -> float:
        """The peak, in bytes."""
        return sum(self.terms.values())

    @property
    def fits(self) -> bool:
        """Whether the training fits in the device's memory, with some room to spare."""
        return self.memory <= USABLE_MEMORY * self.device.memory

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.work.steps(self.recipe)

    @property
    def flops_a_token(self) -> float:
        """Floating-point operations: two a weight forward, two for the gradient of the input, two for that of a trained
        weight; two more where activations are computed again (Korthikanti et al. 2022, §5)."""
        trained = self.shape.adapter_parameters(self.recipe.r, self.recipe.target_modules)
        base = self.shape.block_parameters
        passes = 4 if self.recipe.use_peft else 6
        return (passes + (2 if self.checkpointing else 0)) * base + (6.0 * trained if self.recipe.use_peft else 0.0)

    @property
    def head_flops(self) -> float:
        """Operations of the output layer in one pass over the data; it computes the targets only."""
        return 4.0 * self.shape.vocabulary * self.shape.hidden * self.work.targets

    @property
    def epoch_seconds(self) -> float:
        """Seconds of one pass over the data: computing, or launching the kernels if that takes longer."""
        computing = (self.flops_a_token * self.work.tokens + self.head_flops) / self.device.usable_flops
        if self.device.kind == "cpu":
            return computing
        passes = math.ceil(self.work.rows / self.recipe.per_device_train_batch_size)
        return max(computing, passes * self.shape.layers * GPU_PASS)

    @property
    def tokens_a_second(self) -> float:
        """Computed tokens a second, padding excluded."""
        return self.work.tokens / self.epoch_seconds

    @property
    def targets_a_second(self) -> float:
        """Target tokens a second."""
        return self.work.targets / self.epoch_seconds

    @property
    def seconds(self) -> float:
        """Seconds of the training steps, without evaluations."""
        return self.work.epochs(self.recipe) * self.epoch_seconds

    def row(self) -> dict[str, Any]:
        """The figures, for JSON."""
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
    """Forecast a training. `activation_checkpointing: auto` is on where it does not fit in memory without.

    Raises BadInput for a model whose shape is unknown.
    """
    shape, tokens = shape_of(model), work.longest * recipe.per_device_train_batch_size
    choices = {"on": (True,), "off": (False,)}.get(recipe.activation_checkpointing, (False, True))
    for checkpointing in choices:
        terms = memory_terms(shape, recipe, device, checkpointing, tokens)
        found = Forecast(model, shape, recipe, device, work, checkpointing, terms)
        if found.fits:
            break
    return found


def alternatives(found: Forecast) -> list[Forecast]:
    """Forecasts that fit in memory, instead of one that does not: the same model with one or two settings changed, else
    smaller models with their recipes, the largest first."""
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
    """The same work with rows cut to the recipe's length."""
    return replace(work, longest=min(work.longest, recipe.max_length))


def require_memory(found: Forecast) -> None:
    """Raise NotEnoughMemory, naming an alternative that fits, where the forecast exceeds the device's memory."""
    if found.fits:
        return
    needs = (
        f"{found.model} with recipe {found.recipe.name} needs {found.memory / 1e9:.1f} GB, "
        f"but {found.device.name} has {found.device.memory / 1e9:.1f} GB"
    )
    other = next(iter(alternatives(found)), None)
    if other is None:
        raise NotEnoughMemory(f"{needs}, and no model of pipesql fits in it; choose a device with more memory")
    if other.model != found.model:
        raise NotEnoughMemory(
            f"{needs}; model {other.model} with recipe {other.recipe.name} fits ({other.memory / 1e9:.1f} GB)"
        )
    changes = {
        name: value
        for name in ("max_length", "load_in_4bit", "activation_checkpointing")
        if (value := getattr(other.recipe, name)) != getattr(found.recipe, name)
    }
    settings = ", ".join(f"{name}: {str(value).lower()}" for name, value in changes.items())
    raise NotEnoughMemory(f"{needs}; with {settings} it fits ({other.memory / 1e9:.1f} GB)")
