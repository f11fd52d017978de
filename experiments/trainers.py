"""The trainer that a run has, over rows that are at hand: what is measured and compared here is what trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipesql.finetune.attention.choose import choose_attention
from pipesql.finetune.data.dataset import pack_rows
from pipesql.finetune.data.tokenise import Row
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.build import lora_config, sft_config
from pipesql.finetune.sft.trainer import TargetTrainer


def make_trainer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    recipe: Recipe,
    folder: Path,
    *,
    measure: Sequence[Row] = (),
    device: str = "cpu",
    seed: int = 0,
) -> TargetTrainer:
    """A trainer on the device; its data loader gives the batches of one pass over the rows, in their order.

    The model attends as the recipe says from then on. One with an adapter keeps it, another gets the recipe's.
    `measure` are the rows of the evaluation loss (none: those that are learnt).
    """
    import datasets
    from peft import PeftModel

    datasets.disable_progress_bars()
    model.config.use_cache = False
    fresh = recipe.use_peft and not isinstance(model, PeftModel)
    data = pack_rows(rows, recipe, seed)
    attention = choose_attention(device, recipe.packing, recipe.attn_implementation)
    attention.use_in(model)
    return TargetTrainer(
        model=model,
        args=sft_config(recipe, folder, device, seed, 1, recipe.learning_rate, recipe.activation_checkpointing == "on"),
        train_dataset=data,
        eval_dataset=pack_rows(measure, recipe, seed) if measure else data,
        processing_class=tokenizer,
        peft_config=lora_config(recipe) if fresh else None,
        data_collator=attention.collate if recipe.packing == "shared" else None,
    )


def shake_adapter(model: Any, seed: int = 0) -> None:
    """Give the adapter's B matrices numbers: at 0, as they begin, the gradient of every A is 0 too."""
    import torch

    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
