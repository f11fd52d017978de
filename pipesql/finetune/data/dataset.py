"""The dataset of a training and its schedule.

The dataset holds the samples of a folder, drawn, tokenised and counted. The schedule is the order in which training
takes its rows, all passes one after the other. The trainer gets the schedule as a single pass without shuffling, so the
number of a step tells which rows it learns from: an interrupted run finds its place again, several processes share the
rows without overlap, and rows that did harm can be left out.
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
from pipesql.errors import BadInput, InvalidOption
from pipesql.finetune.data.packs import make_packs
from pipesql.finetune.data.tokenise import Row, TokenStatistics, tokenise
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.records import Sample, query_of


@dataclass(frozen=True)
class SampleDataset:
    """Rows to train on and rows to evaluate on, with their counts."""

    layout: str
    eval_split: str
    """The split for the evaluation loss: `validation` or `dev`."""
    train_rows: list[Row]
    eval_rows: list[Row]
    train: TokenStatistics
    eval: TokenStatistics

    @property
    def eval_queries(self) -> list[str]:
        """Ids of the queries to evaluate on, each once, without conversations about them."""
        plain = (row for row in self.eval_rows if row.layout != "tools")
        return list(dict.fromkeys(query_of(row.id, row.layout) for row in plain))


def read_dataset(samples: Path, tokenizer: Any, recipe: Recipe, limit: int, seed: int, skip: int = 0) -> SampleDataset:
    """Read the samples of a folder as rows.

    To train on: the samples of up to `limit` queries (0: as the recipe says), drawn by the seed from those that a run
    with limit `skip` did not draw. To evaluate on: `samples.validation.jsonl` where the data were built with it, else
    `samples.dev.jsonl`. Raises BadInput for samples that cannot be used.
    """
    eval_split = "validation" if (samples / "samples.validation.jsonl").is_file() else "dev"
    train = _drawn(samples / "samples.train.jsonl", limit or recipe.max_train_queries, seed, skip)
    evaluation = _drawn(samples / f"samples.{eval_split}.jsonl", recipe.max_eval_queries, seed)
    if recipe.packing != "shared" and any(sample.layout == "tree" for sample in train):
        raise BadInput(
            f"{samples} is in layout tree, which needs packing shared, but recipe {recipe.name} has packing "
            f"{recipe.packing}; choose another recipe, or build the data in layout folded"
        )
    train_rows, train_counts = tokenise(train, tokenizer, recipe.max_length)
    eval_rows, eval_counts = tokenise(evaluation, tokenizer, recipe.max_length)
    for split, kept, counts in (("train", train_rows, train_counts), (eval_split, eval_rows, eval_counts)):
        if not kept:
            raise BadInput(
                f"{samples}/samples.{split}.jsonl has no sample that can be used: of {counts.samples}, "
                f"{counts.too_long} are longer than max_length {recipe.max_length} of recipe {recipe.name}; "
                "build larger data, or raise max_length"
            )
    return SampleDataset(train[0].layout, eval_split, train_rows, eval_rows, train_counts, eval_counts)


def _drawn(path: Path, count: int, seed: int, skip: int = 0) -> list[Sample]:
    """The samples of up to `count` queries of a file (0: all), drawn by the seed, in the order of the file.

    The first `skip` queries that this seed draws are left out. Raises InvalidOption where none remain.
    """
    samples = list(read_samples(path))
    queries = list(dict.fromkeys(query_of(sample.id, sample.layout) for sample in samples))
    if 0 < len(queries) <= skip:
        raise InvalidOption(f"skip={skip} leaves none of the {len(queries)} queries in {path}; skip fewer")
    earlier = set(random.Random(seed).sample(queries, skip))
    left = [query for query in queries if query not in earlier]
    chosen = set(random.Random(seed).sample(left, count)) if 0 < count < len(left) else set(left)
    return [sample for sample in samples if query_of(sample.id, sample.layout) in chosen]


def pack_rows(rows: Sequence[Row], recipe: Recipe, seed: int) -> Dataset:
    """The rows once, as the trainer takes them: packs with shared prefixes, drawn by the seed, or the plain sequences
    in their order."""
    if recipe.packing == "shared":
        return Dataset.from_list([asdict(pack) for pack in make_packs(rows, recipe.max_length, seed)])
    return Dataset.from_list([{"input_ids": list(row.input_ids), "labels": list(row.labels)} for row in rows])


# ---- the schedule


def passes(recipe: Recipe, rows_a_pass: int, processes: int) -> int:
    """The number of passes in the schedule: enough for the recipe's epochs or steps, for steps with one to spare."""
    if recipe.max_steps <= 0:
        return math.ceil(recipe.num_train_epochs)
    return math.ceil(recipe.max_steps * recipe.rows_a_step * processes / rows_a_pass) + 1


def schedule(first: Dataset, rows: Sequence[Row], recipe: Recipe, seed: int, count: int) -> Dataset:
    """`count` passes one after the other, each in a different order. `first` is one pass as the trainer prepared it.

    Packs with shared prefixes are packed again for each pass; anything else is shuffled.
    """
    if recipe.packing == "shared":
        rest = [pack_rows(rows, recipe, seed + n) for n in range(1, count)]
        return concatenate_datasets([first, *rest]) if rest else first
    places: list[int] = []
    for n in range(count):
        one = list(range(len(first)))
        random.Random(seed + n).shuffle(one)
        places += one
    return first.select(places)


def rows_of_steps(steps: Sequence[int], each: int, kept: Sequence[int]) -> tuple[int, ...]:
    """The numbers of the rows of optimizer steps (counted from 0) with `each` rows a step.

    `kept` numbers the rows that are not left out, in their order.
    """
    return tuple(row for step in steps for row in kept[step * each : (step + 1) * each])
