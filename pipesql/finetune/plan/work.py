"""How much there is to compute: an epoch in tokens and steps, counted on a data folder, or as Spider's would be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipesql.finetune.recipe.recipe import Recipe

SPIDER = {"shared": 86, "bfd": 293, "none": 1088}
"""By packing: computed tokens a query of Spider's golden pairs (`pipesql samples layouts`, docs/samples.md); for `none`
in layout steps, as the reproduction guide trains, without the padding of its batches."""
SPIDER_TARGETS = 52
"""Tokens of a query that are learnt."""
SPIDER_QUERIES = 8648
OPERATORS = 3.83
"""Operators a query of Spider has: so many samples it is in layout steps."""


@dataclass(frozen=True)
class Work:
    """One epoch. `rows` are packs, or samples where nothing is packed; `longest` the most tokens a row computes."""

    what: str
    queries: int
    rows: int
    tokens: int
    targets: int
    longest: int

    def steps(self, recipe: Recipe) -> int:
        """Optimizer steps of the whole training."""
        a_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
        found = math.ceil(math.ceil(self.rows / a_step) * recipe.num_train_epochs)
        return recipe.max_steps if recipe.max_steps > 0 else max(1, found)

    def epochs(self, recipe: Recipe) -> float:
        """Passes over the data that those steps are."""
        a_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
        return self.steps(recipe) * a_step / self.rows


def spider_work(recipe: Recipe, queries: int = 0) -> Work:
    """An epoch over so many queries (0: all golden ones of Spider train) that cost what Spider's do, by packing."""
    count = queries or SPIDER_QUERIES
    if recipe.max_train_queries:
        count = min(count, recipe.max_train_queries)
    tokens = count * SPIDER[recipe.packing]
    rows = round(count * OPERATORS) if recipe.packing == "none" else math.ceil(1.06 * tokens / recipe.max_length)
    # Samples of steps are short; the longest of Spider's (1,818 tokens) says what memory must hold.
    longest = min(recipe.max_length, 1818) if recipe.packing == "none" else recipe.max_length
    return Work(f"{count:,} queries like Spider's", count, rows, tokens, count * SPIDER_TARGETS, longest)


def folder_work(folder: Path, recipe: Recipe, model: str, limit: int = 0) -> Work:
    """An epoch over a data folder's training samples, tokenised and packed as training does it.

    The tokenizer is the model's where it is on this machine, else smol's, which counts much the same. Raises BadInput
    for samples that cannot be used.
    """
    from pipesql.finetune.data.dataset import as_dataset, read_material

    measured = replace(recipe, max_eval_queries=1)
    material = read_material(folder, _tokenizer(model), measured, limit, 0)
    queries = len({row.id for row in material.train_rows})
    rows: list[Any] = list(as_dataset(material.train_rows, recipe, 0))
    lengths = [_computed(row) for row in rows]
    if recipe.packing == "bfd":
        total = sum(lengths)
        packs = math.ceil(1.02 * total / recipe.max_length)
        return Work(str(folder), queries, packs, total, material.train.target_tokens, recipe.max_length)
    return Work(str(folder), queries, len(rows), sum(lengths), material.train.target_tokens, max(lengths))


def _computed(row: Any) -> int:
    return len(row["input_ids"])


def _tokenizer(model: str) -> Any:
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    return load_tokenizer(resolve_model(model if model == "tiny" else "smol"))
