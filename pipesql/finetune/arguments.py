"""A recipe as the settings of PEFT and TRL, with what each device needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.finetune.recipe import Recipe

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import SFTConfig


def lora_config(recipe: Recipe) -> LoraConfig:
    """PEFT's configuration of the adapter."""
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=recipe.target_modules,
        use_rslora=recipe.use_rslora,
    )


def sft_config(recipe: Recipe, folder: Path, device: str, seed: int, epochs: float, learning_rate: float) -> SFTConfig:
    """TRL's configuration: precision by device, checkpoints in `folder`, `epochs` passes over the dataset.

    `learning_rate` is the recipe's, or what the guard has made of it.

    CPUs compute in float32: bfloat16 is emulated there and thirty times slower.
    """
    import torch
    from trl import SFTConfig

    cuda = device.startswith("cuda")
    bf16 = cuda and torch.cuda.is_bf16_supported()
    shared = recipe.packing == "shared"
    return SFTConfig(
        output_dir=str(folder),
        seed=seed,
        data_seed=seed,
        # precision and device
        use_cpu=not cuda,
        bf16=bf16,
        fp16=cuda and not bf16,
        activation_checkpointing=recipe.activation_checkpointing == "on",
        dataloader_pin_memory=cuda,
        # the rows come tokenised and labelled, in the order that the seed drew (`order`)
        max_length=recipe.max_length,
        packing=recipe.packing == "bfd",
        packing_strategy="bfd",
        eval_packing=recipe.packing == "bfd",
        dataset_kwargs={"skip_prepare_dataset": True} if shared else None,
        remove_unused_columns=not shared,
        train_sampling_strategy="sequential",
        # optimisation
        learning_rate=learning_rate,
        num_train_epochs=epochs,
        max_steps=recipe.max_steps,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        per_device_eval_batch_size=recipe.per_device_eval_batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        optim=recipe.optim,
        lr_scheduler_type=recipe.lr_scheduler_type,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        adam_beta2=recipe.adam_beta2,
        max_grad_norm=recipe.max_grad_norm,
        # what is measured and kept
        logging_strategy="steps",
        logging_steps=recipe.logging_steps,
        logging_nan_inf_filter=True,
        prediction_loss_only=True,
        eval_strategy="steps",
        eval_steps=recipe.eval_steps,
        eval_on_start=recipe.eval_on_start,
        save_strategy="steps",
        save_steps=recipe.save_steps or recipe.eval_steps,
        report_to="none",
        disable_tqdm=True,
    )
