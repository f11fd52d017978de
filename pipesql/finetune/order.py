"""The training data in the very order in which it is learnt, all passes in a row.

The trainer sees one pass and no shuffling: a step's number says which rows it learns from. So a killed run finds its
place again, several processes share the rows without overlap, and rows that did harm can be left out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict

from datasets import Dataset, concatenate_datasets

from pipesql.finetune.packs import make_packs
from pipesql.finetune.recipe import Recipe
from pipesql.finetune.tokenise import Row


def as_dataset(rows: Sequence[Row], recipe: Recipe, seed: int) -> Dataset:
    """The rows once: packs that share prompts, drawn by the seed, or the plain sequences in their order."""
    if recipe.packing == "shared":
        return Dataset.from_list([asdict(pack) for pack in make_packs(rows, recipe.max_length, seed)])
    return Dataset.from_list([{"input_ids": list(row.input_ids), "labels": list(row.labels)} for row in rows])


def passes(recipe: Recipe, rows_a_pass: int, processes: int) -> int:
    """How many passes must be laid out for the recipe's epochs or steps (then one to spare, for rows left out)."""
    if recipe.max_steps <= 0:
        return math.ceil(recipe.num_train_epochs)
    return math.ceil(recipe.max_steps * rows_a_step(recipe, processes) / rows_a_pass) + 1


def rows_a_step(recipe: Recipe, processes: int) -> int:
    """Rows that one optimizer step learns from, over all processes."""
    return recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * processes


def lay_out(first: Dataset, rows: Sequence[Row], recipe: Recipe, seed: int, count: int) -> Dataset:
    """`count` passes in a row, each in an order of its own. `first` is one pass as the trainer prepared it.

    Packs that share prompts are packed anew for each pass; of all else the order is drawn anew.
    """
    if recipe.packing == "shared":
        rest = [as_dataset(rows, recipe, seed + n) for n in range(1, count)]
        return concatenate_datasets([first, *rest]) if rest else first
    order: list[int] = []
    for n in range(count):
        one = list(range(len(first)))
        random.Random(seed + n).shuffle(one)
        order += one
    return first.select(order)


def rows_of_steps(steps: Sequence[int], each: int, kept: Sequence[int]) -> tuple[int, ...]:
    """The numbers of the rows that optimizer steps (counted from 0) of `each` rows learn from.

    `kept` numbers the rows that are not left out, in their order.
    """
    return tuple(row for step in steps for row in kept[step * each : (step + 1) * each])
