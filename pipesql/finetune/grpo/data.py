"""The questions of a training by rewards: train pairs with the prompts of fine-tuning and usable gold results."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.chat.template import prompt_ids
from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput, ExecutionError
from pipesql.finetune.grpo.rewards.functions import Rewards
from pipesql.finetune.recipe.recipe import GrpoRecipe
from pipesql.records import GoldenPair, Sample
from pipesql.storage import read_jsonl

WHOLE_QUERY_LAYOUTS = ("folded", "tree")
"""Layouts in which one prompt asks for the whole query."""


@dataclass(frozen=True)
class QuestionDataset:
    """Rows of the trainer's dataset, `id` and `prompt` (chat messages), and the questions left out, by reason:
    `too_long` (the prompt), `empty` (the gold returns no rows, like any query with a wrong filter), `gold` (it does not
    run within the limits)."""

    rows: list[dict[str, Any]]
    left_out: dict[str, int]


def read_questions(
    folder: Path, recipe: GrpoRecipe, tokenizer: Any, rewards: Rewards, limit: int, seed: int
) -> QuestionDataset:
    """Read the train questions that the recipe's steps need, in an order drawn by the seed, and add them to `rewards`.

    `limit`: up to that many (0: as the recipe says). Raises BadInput where the data folder has no samples that ask for
    whole queries, or too few usable questions.
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
        if reason := _unusable(pair, prompts[pair.id], recipe, tokenizer, rewards):
            left_out[reason] += 1
        else:
            rows.append({"id": pair.id, "prompt": [dict(message) for message in prompts[pair.id].prompt]})
    if len(rows) < recipe.questions_a_step:
        counted = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "none"
        raise BadInput(
            f"{folder} has {len(rows)} usable train questions (left out: {counted}), but recipe {recipe.name} needs "
            f"{recipe.questions_a_step} a step; use larger data, or a smaller batch or longer prompts in the recipe"
        )
    return QuestionDataset(rows, dict(left_out))


def _prompts(folder: Path) -> dict[str, Sample]:
    """The samples that ask for a whole query, by id."""
    found = {s.id: s for s in read_samples(folder / "samples.train.jsonl") if s.layout in WHOLE_QUERY_LAYOUTS}
    if not found:
        raise BadInput(
            f"{folder} has no samples in layout {' or '.join(WHOLE_QUERY_LAYOUTS)}, which GRPO needs; "
            "build the data with layout=folded"
        )
    return found


def _unusable(pair: GoldenPair, sample: Sample, recipe: GrpoRecipe, tokenizer: Any, rewards: Rewards) -> str:
    """Why a question is left out; empty where it is used."""
    if len(prompt_ids(tokenizer, sample.prompt)) > recipe.max_prompt_length:
        return "too_long"
    try:
        return "" if rewards.add(pair) else "empty"
    except ExecutionError:
        return "gold"
