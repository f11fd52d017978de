"""What a run learns from: samples drawn, tokenised and counted."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput
from pipesql.finetune.recipe import Recipe
from pipesql.finetune.tokenise import Row, TokenStatistics, tokenise
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
