"""What a run learns from: samples drawn, tokenised and counted.

The training data in the very order in which it is learnt, all passes in a row.

The trainer sees one pass and no shuffling: a step's number says which rows it learns from. So a killed run finds its
place again, several processes share the rows without overlap, and rows that did harm can be left out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, concatenate_datasets

from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput
from pipesql.finetune.data.packs import make_packs
from pipesql.finetune.data.tokenise import Row, TokenStatistics, tokenise
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.records import Sample


@dataclass(frozen=True)
class Material:
    """Rows to learn from and rows to measure on, with what was counted of either."""

    layout: str
    measured: str
    """The split that the evaluation loss is of: `validation` or `dev`."""
    train_rows: list[Row]
    eval_rows: list[Row]
    train: TokenStatistics
    eval: TokenStatistics

    @property
    def eval_queries(self) -> list[str]:
        """Ids of the queries measured on, each once, without conversations about them."""
        plain = (row for row in self.eval_rows if row.layout != "tools")
        return list(dict.fromkeys(query_of(row.id, row.layout) for row in plain))


def read_material(samples: Path, tokenizer: Any, recipe: Recipe, limit: int, seed: int, skip: int = 0) -> Material:
    """The samples of a folder as rows: of at most `limit` training queries (0: as the recipe says), drawn by the seed
    from those that a run with the limit `skip` did not draw.

    Measured is `samples.validation.jsonl` where the data were built with one, else `samples.dev.jsonl`.
    Raises BadInput for samples that cannot be used.
    """
    measured = "validation" if (samples / "samples.validation.jsonl").is_file() else "dev"
    learn = _drawn(samples / "samples.train.jsonl", limit or recipe.max_train_queries, seed, skip)
    measure = _drawn(samples / f"samples.{measured}.jsonl", recipe.max_eval_queries, seed)
    if recipe.packing != "shared" and any(sample.layout == "tree" for sample in learn):
        raise BadInput(
            f"{samples} is in layout tree, which only packs of packing shared keep; recipe {recipe.name} says "
            f"packing {recipe.packing}: choose another recipe, or build the data in layout folded"
        )
    train_rows, train = tokenise(learn, tokenizer, recipe.max_length)
    eval_rows, counted = tokenise(measure, tokenizer, recipe.max_length)
    for split, kept, statistics in (("train", train_rows, train), (measured, eval_rows, counted)):
        if not kept:
            raise BadInput(
                f"{samples}/samples.{split}.jsonl has no sample to use: {statistics.samples} read, "
                f"{statistics.too_long} of them longer than max_length {recipe.max_length} of recipe {recipe.name}"
            )
    return Material(learn[0].layout, measured, train_rows, eval_rows, train, counted)


def _drawn(path: Path, count: int, seed: int, skip: int = 0) -> list[Sample]:
    """The samples of a file, of at most `count` queries (0: all) drawn by the seed, in the order of the file.

    The first `skip` that this seed draws are left out. Raises BadInput where that leaves none.
    """
    samples = list(read_samples(path))
    queries = list(dict.fromkeys(query_of(sample.id, sample.layout) for sample in samples))
    if 0 < len(queries) <= skip:
        raise BadInput(f"{path} has {len(queries)} queries and skip leaves out {skip}: skip fewer")
    earlier = set(random.Random(seed).sample(queries, skip))
    left = [query for query in queries if query not in earlier]
    chosen = set(random.Random(seed).sample(left, count)) if 0 < count < len(left) else set(left)
    return [sample for sample in samples if query_of(sample.id, sample.layout) in chosen]


def query_of(name: str, layout: str) -> str:
    """The query that a sample of that id belongs to: its steps, and the conversation about it, say more behind `#`."""
    return name.rpartition("#")[0] if layout in ("steps", "tools") else name


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
