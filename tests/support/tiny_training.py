"""A short training of `tiny`: its recipe, its samples, and one run, with a fault planted or without the guard."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from pathlib import Path

import pytest

from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.train import train
from pipesql.models import resolve_model
from pipesql.records import Sample
from pipesql.storage import write_jsonl
from tests.support.planted_faults import Fault, plant, switch_off_guard

RECIPE = dataclasses.replace(
    recipe_for("tiny", "tiny"),
    max_steps=80,
    max_length=200,
    learning_rate=5e-3,
    lr_scheduler_type="linear",
    eval_steps=20.0,
    save_steps=5.0,
    max_train_queries=0,
    # No clipping: it would hide what an exploding gradient does.
    max_grad_norm=1e9,
)
_TABLES = {
    "music": "singer: Singer_ID int key, Name, Age int\nconcert: concert_ID int key, Theme, Year int",
    "shop": "customer: id int key, name, city\norders: id int key, customer int = customer.id, total real",
}


def write_samples(folder: Path) -> None:
    """Questions on two databases: sixty of each to learn from, others on the first to measure on."""

    def sample(number: int, db: str, split: str) -> Sample:
        prompt = (
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": f"{_TABLES[db]}\n\nQuestion: What is number {number}?"},
        )
        table = _TABLES[db].split(":")[0]
        targets = (f"FROM {table}", f"|> WHERE id > {number}", "|> AGGREGATE COUNT(*) AS count")
        return Sample(f"{db}-{number}", db, split, "folded", prompt, targets[: 1 + number % 3])

    write_jsonl(folder / "samples.train.jsonl", [sample(n, db, "train") for db in _TABLES for n in range(60)])
    write_jsonl(folder / "samples.dev.jsonl", [sample(n, "music", "dev") for n in range(60, 84)])


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run came to. Losses are evaluation losses: of the model that it left, and of its last weights."""

    left: float
    last: float
    skipped: int
    rewinds: int


def run(samples: Path, fault: Fault | None = None, guarded: bool = True, recipe: Recipe = RECIPE) -> Outcome:
    """Train `tiny` once, with the fault planted."""
    patch = pytest.MonkeyPatch()
    last = math.nan

    def note(values: dict[str, float], step: int) -> None:
        nonlocal last
        if "train/tokens" not in values and "train/seconds" not in values:  # an evaluation
            last = values.get("eval/loss", math.nan)

    try:
        if fault is not None:
            plant(fault, patch.setattr)
        if not guarded:
            switch_off_guard(patch.setattr)
        with tempfile.TemporaryDirectory() as output:
            result = train(samples, resolve_model("tiny"), recipe, Path(output), on_metrics=note)
    finally:
        patch.undo()
    numbers = result.summary
    return Outcome(numbers["eval/loss_best"], last, int(numbers["guard/skipped"]), int(numbers["guard/rewinds"]))
