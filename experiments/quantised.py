"""`python -m experiments.quantised`: QLoRA for real on a CPU: load in 4 bits, train, save, merge into the whole base.

A few optimizer steps of the trainer that a run has, on packs of real pairs; the adapter is saved and merged into a base
that is loaded anew in float32, and the logits are compared three ways. bitsandbytes computes on CPUs too, slowly.

    python -m experiments.quantised --model smol --steps 5
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments.pairs import add_arguments, drawn
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.train import train
from pipesql.merge.merge import merge
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.samples.build import build
from pipesql.samples.layouts import Options
from pipesql.storage import write_json, write_jsonl

RECIPE = Recipe(
    "quantised", "QLoRA on a CPU", learning_rate=2e-4, load_in_4bit=True, max_length=640, warmup_steps=0,
    lr_scheduler_type="constant", eval_steps=1e6, max_eval_queries=4,
)  # fmt: skip


def main() -> int:
    """Train, merge, print; the exit status is 1 where the loss did not fall or the merge is not exact."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 48)
    parser.add_argument("--model", default="smol")
    parser.add_argument("--steps", type=int, default=5, help="optimizer steps (default %(default)s)")
    parser.add_argument("--learning_rate", type=float, default=RECIPE.learning_rate)
    parser.add_argument("--out", default="", help="write the figures as JSON")
    arguments = parser.parse_args()
    found = measure(arguments)
    for label, value in found.items():
        print(f"{label.replace('_', ' '):34}{value if isinstance(value, str) else f'{value:.4g}'}")
    if arguments.out:
        write_json(Path(arguments.out), found)
    return int(found["loss_last"] >= found["loss_first"] or found["merged_against_whole_base"] > 2e-3)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures: losses, seconds a step, and the largest differences of a logit."""
    source = resolve_model(arguments.model)
    pairs = drawn(arguments, load_tokenizer(source), RECIPE.max_length)
    recipe = dataclasses.replace(RECIPE, max_steps=arguments.steps, learning_rate=arguments.learning_rate)
    losses: dict[int, float] = {}

    def note(values: dict[str, float], step: int) -> None:
        if "train/loss" in values:
            losses[step] = values["train/loss"]

    with tempfile.TemporaryDirectory() as folder:
        samples = build(pairs, Options("folded", execute_prefixes=False)).samples
        for split in ("train", "dev"):
            write_jsonl(Path(folder, f"samples.{split}.jsonl"), samples)
        start = time.monotonic()
        trained = train(Path(folder), source, recipe, Path(folder, "run"), on_metrics=note)
        seconds, merged = time.monotonic() - start, merge(trained.adapter)
        return {
            "model": source.description,
            "base": f"{recipe.bnb_4bit_quant_type}, double quantisation",
            "steps": trained.steps,
            "seconds_of_training": trained.seconds,
            "seconds_with_loading_and_saving": seconds,
            "loss_first": losses[1],
            "loss_last": losses[trained.steps],
            "merged_against_whole_base": merged.difference,
            "merged_against_4_bit_base": float(merged.quantised_difference or 0.0),
            "effect_of_the_adapter": merged.effect,
        }


if __name__ == "__main__":
    raise SystemExit(main())
