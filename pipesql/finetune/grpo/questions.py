"""The questions that GRPO asks: train pairs in the very prompts of fine-tuning, whose gold can be compared with."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.chat.template import prompt_ids
from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput, ExecutionError
from pipesql.finetune.grpo.rewards.reward import Judge
from pipesql.finetune.recipe.grpo import GrpoRecipe
from pipesql.records import GoldenPair, Sample
from pipesql.storage import read_jsonl

WHOLE = ("folded", "tree")
"""Layouts in which one prompt asks for the whole query."""


@dataclass(frozen=True)
class Asked:
    """Rows of the trainer's dataset, `id` and `prompt` (chat messages), and how many questions were left out, by why:
    `too_long` (the prompt), `empty` (the gold returns nothing, as any query with a wrong filter does), `gold` (it does
    not run within the limits)."""

    rows: list[dict[str, Any]]
    left_out: dict[str, int]


def ask(folder: Path, recipe: GrpoRecipe, tokenizer: Any, judge: Judge, limit: int, seed: int) -> Asked:
    """As many train questions of the data folder as the recipe's steps need, in an order drawn by the seed.

    `limit`: at most that many (0: as the recipe says). The judge gets to know each. Raises BadInput where the folder
    has no samples that ask for whole queries, or too few questions can be used.
    """
    prompts = _prompts(folder)
    pairs = [p for p in read_jsonl(folder / "golden.jsonl", GoldenPair) if p.split == "train" and p.id in prompts]
    random.Random(seed).shuffle(pairs)
    needed = recipe.max_steps * recipe.questions_a_step
    most = min(needed, limit or recipe.max_train_queries or needed)
    rows: list[dict[str, Any]] = []
    left_out: Counter[str] = Counter()
    for pair in pairs:
        if len(rows) >= max(most, recipe.questions_a_step):
            break
        if why := _unusable(pair, prompts[pair.id], recipe, tokenizer, judge):
            left_out[why] += 1
        else:
            rows.append({"id": pair.id, "prompt": [dict(message) for message in prompts[pair.id].prompt]})
    if len(rows) < recipe.questions_a_step:
        counted = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items())) or "none left out"
        raise BadInput(
            f"{folder} has {len(rows)} train questions to ask ({counted}), and recipe {recipe.name} asks "
            f"{recipe.questions_a_step} a step: choose larger data, or a smaller batch or longer prompts in the recipe"
        )
    return Asked(rows, dict(left_out))


def _prompts(folder: Path) -> dict[str, Sample]:
    """The samples that ask for a whole query, by id."""
    found = {s.id: s for s in read_samples(folder / "samples.train.jsonl") if s.layout in WHOLE}
    if not found:
        raise BadInput(
            f"{folder} has no samples in layout {' or '.join(WHOLE)}, whose prompts GRPO asks: "
            "build the data with layout=folded"
        )
    return found


def _unusable(pair: GoldenPair, sample: Sample, recipe: GrpoRecipe, tokenizer: Any, judge: Judge) -> str:
    """Why a question is left out; empty where it is not."""
    if len(prompt_ids(tokenizer, sample.prompt)) > recipe.max_prompt_length:
        return "too_long"
    try:
        return "" if judge.add(pair) else "empty"
    except ExecutionError:
        return "gold"
