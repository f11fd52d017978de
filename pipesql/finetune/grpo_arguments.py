"""A recipe of GRPO as the settings of PEFT and TRL, with what each device needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.finetune.grpo_recipe import GrpoRecipe

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import GRPOConfig


def fresh_lora(recipe: GrpoRecipe) -> LoraConfig:
    """PEFT's configuration of the adapter that is trained. It begins as no change at all."""
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=recipe.target_modules,
        use_rslora=recipe.use_rslora,
    )


def grpo_config(recipe: GrpoRecipe, folder: Path, device: str, seed: int) -> GRPOConfig:
    """TRL's configuration: float32 on a CPU, bfloat16 (else float16) on a GPU; no checkpoints, no evaluation."""
    import torch
    from trl import GRPOConfig

    cuda = device.startswith("cuda")
    bf16 = cuda and torch.cuda.is_bf16_supported()
    return GRPOConfig(
        output_dir=str(folder),
        seed=seed,
        data_seed=seed,
        # precision and device
        use_cpu=not cuda,
        bf16=bf16,
        fp16=cuda and not bf16,
        activation_checkpointing=recipe.activation_checkpointing == "on",
        dataloader_pin_memory=cuda,
        # how questions are answered; a group is as many answers to one question
        num_generations=recipe.num_generations,
        max_completion_length=recipe.max_completion_length,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        top_k=recipe.top_k,
        # what is learnt from the answers
        reward_weights=list(recipe.weights),
        beta=recipe.beta,
        epsilon=recipe.epsilon,
        num_iterations=recipe.num_iterations,
        loss_type=recipe.loss_type,
        scale_rewards=recipe.scale_rewards,
        mask_truncated_completions=recipe.mask_truncated_completions,
        # optimisation
        learning_rate=recipe.learning_rate,
        max_steps=recipe.max_steps,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        lr_scheduler_type=recipe.lr_scheduler_type,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        adam_beta2=recipe.adam_beta2,
        max_grad_norm=recipe.max_grad_norm,
        # what is measured and kept
        logging_strategy="steps",
        logging_steps=recipe.logging_steps,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
