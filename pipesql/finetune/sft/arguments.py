"""A recipe as the settings of PEFT and TRL, with what each device needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.errors import BadInput
from pipesql.finetune.recipe.recipe import Recipe

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import SFTConfig

    from pipesql.models.precision import Quantization


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


def precision(recipe: Recipe, device: str) -> str:
    """What the forward pass computes in: `bf16`, `fp16` (mixed, weights that are trained stay in float32) or `fp32`.

    `auto` is bfloat16 where the device has it: GPUs since Ampere, and CPUs that compute in it faster than in float32
    (those that emulate it are thirty times slower). Other GPUs take float16, but not with a base in 4 bits, whose
    computations do not suit float16's loss scaler: float32 then. Raises BadInput for what the device has not.
    """
    import torch

    from pipesql.models.precision import cpu_has_bf16

    cuda = device.startswith("cuda")
    bf16 = torch.cuda.is_bf16_supported() if cuda else cpu_has_bf16()
    if recipe.precision == "auto":
        if bf16:
            return "bf16"
        return "fp16" if cuda and not recipe.load_in_4bit else "fp32"
    if recipe.precision == "bf16" and not bf16:
        raise BadInput(f"recipe {recipe.name}: {device} does not compute in bf16; set precision: auto")
    if recipe.precision == "fp16" and (not cuda or recipe.load_in_4bit):
        why = (
            "a CPU does not compute in fp16"
            if not cuda
            else "a base in 4 bits cannot be trained with fp16's loss scaler"
        )
        raise BadInput(f"recipe {recipe.name}: {why}; set precision: auto")
    return recipe.precision


def quantization(recipe: Recipe, device: str) -> Quantization | None:
    """How the base is loaded where the recipe wants it in 4 bits; computed in what the forward pass computes in."""
    import torch

    from pipesql.models.precision import Quantization

    if not recipe.load_in_4bit:
        return None
    compute = torch.bfloat16 if precision(recipe, device) == "bf16" else torch.float32
    return Quantization(recipe.bnb_4bit_quant_type, recipe.bnb_4bit_use_double_quant, compute)


def sft_config(
    recipe: Recipe, folder: Path, device: str, seed: int, epochs: float, learning_rate: float, checkpointing: bool
) -> SFTConfig:
    """TRL's configuration: precision by device, checkpoints in `folder`, `epochs` passes over the dataset.

    `learning_rate` is the recipe's, or what the guard has made of it; with `checkpointing` activations are computed
    again in the backward pass.
    """
    from trl import SFTConfig

    cuda = device.startswith("cuda")
    computed = precision(recipe, device)
    shared = recipe.packing == "shared"
    return SFTConfig(
        output_dir=str(folder),
        seed=seed,
        data_seed=seed,
        # precision and device
        use_cpu=not cuda,
        bf16=computed == "bf16",
        fp16=computed == "fp16",
        activation_checkpointing=checkpointing,
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
