"""Build the trainer of a job: the recipe's settings for PEFT and TRL, completed by what the device needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pipesql.errors import InvalidOption
from pipesql.finetune.attention.choose import choose_attention, use_fused_kernels
from pipesql.finetune.data.dataset import pack_rows
from pipesql.finetune.distributed import rank
from pipesql.finetune.plan.devices import this_device
from pipesql.finetune.plan.memory import choose_checkpointing
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.trainer import TargetTrainer
from pipesql.finetune.sft.types import Job
from pipesql.models.load import choose_device, load_model
from pipesql.models.precision import Quantization, cpu_has_bf16

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import SFTConfig


def build_trainer(job: Job, learning_rate: float) -> TargetTrainer:
    """The trainer of a job, its base model loaded and its dataset prepared for one pass.

    `learning_rate` is the recipe's, or what the guard has lowered it to.
    """
    recipe, device = job.recipe, choose_device()
    # Trained weights stay in float32; where the forward pass computes in less, autocast converts them.
    dtype = torch.float32 if device == "cpu" or not recipe.use_peft else None
    model = load_model(job.source, device, dtype, quantization(recipe, device))
    model.config.use_cache = False
    attention = choose_attention(device, recipe.packing, recipe.attn_implementation)
    attention.use_in(model)
    longest = recipe.max_length if recipe.packing != "none" else job.dataset.train.longest
    again, why = choose_checkpointing(model.config.to_dict(), recipe, this_device(device.partition(":")[0]), longest)
    kernels = use_fused_kernels(model, device)
    for line in (f"device: {device}, {precision(recipe, device)}", attention.line, kernels, why):
        if line and rank() == 0:
            print(line, file=sys.stderr)
    shared = recipe.packing == "shared"
    unfinished = job.checkpoints.unfinished
    trainer = TargetTrainer(
        model=model,
        args=sft_config(recipe, unfinished, device, job.seed, recipe.num_train_epochs, learning_rate, again),
        train_dataset=pack_rows(job.dataset.train_rows, recipe, job.seed),
        eval_dataset=pack_rows(job.dataset.eval_rows, recipe, job.seed),
        processing_class=job.tokenizer,
        peft_config=lora_config(recipe) if recipe.use_peft else None,
        data_collator=attention.collate if shared else None,
    )
    if recipe.load_in_4bit:
        # TRL makes the adapter of a 4-bit base bfloat16, which would lose small updates.
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    return trainer


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
    """The type of the forward pass: `bf16`, `fp16` (mixed, trained weights stay in float32) or `fp32`.

    `auto` is bfloat16 where the device has it: GPUs since Ampere, and CPUs that compute in it faster than in float32
    (those that emulate it are thirty times slower). Other GPUs take float16; with a 4-bit base, whose computations do
    not work with float16's loss scaler, they take float32. Raises InvalidOption for a type that the device lacks.
    """
    cuda = device.startswith("cuda")
    bf16 = torch.cuda.is_bf16_supported() if cuda else cpu_has_bf16()
    if recipe.precision == "auto":
        if bf16:
            return "bf16"
        return "fp16" if cuda and not recipe.load_in_4bit else "fp32"
    if recipe.precision == "bf16" and not bf16:
        raise InvalidOption(f"recipe {recipe.name}: {device} does not compute in bf16; set precision: auto")
    if recipe.precision == "fp16" and (not cuda or recipe.load_in_4bit):
        why = "a CPU does not compute in fp16" if not cuda else "a 4-bit base cannot be trained with fp16's loss scaler"
        raise InvalidOption(f"recipe {recipe.name}: {why}; set precision: auto")
    return recipe.precision


def quantization(recipe: Recipe, device: str) -> Quantization | None:
    """How the base is quantised, for a recipe with a 4-bit base; else None."""
    if not recipe.load_in_4bit:
        return None
    compute = torch.bfloat16 if precision(recipe, device) == "bf16" else torch.float32
    return Quantization(recipe.bnb_4bit_quant_type, recipe.bnb_4bit_use_double_quant, compute)


def sft_config(
    recipe: Recipe, folder: Path, device: str, seed: int, epochs: float, learning_rate: float, checkpointing: bool
) -> SFTConfig:
    """TRL's configuration: precision by device, checkpoints in `folder`, `epochs` passes over the dataset.

    With `checkpointing` activations are computed again in the backward pass.
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
        # the rows come tokenised and labelled, in the order of the schedule
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
        # logs, evaluations and checkpoints
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
