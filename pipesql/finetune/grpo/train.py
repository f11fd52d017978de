"""Train a fine-tuned model by rewards (GRPO): it answers each question several times, and learns from the answers with
the higher rewards.

TRL's GRPOTrainer does the learning. It gets the prompts of fine-tuning, answers that end only at the end marker and are
parsed as decoding parses them, and rewards that execute them (`rewards`).

The KL divergence is measured from the fine-tuned model. So its adapter is merged into the base first, and the model
gets a fresh one: without it the model is exactly the fine-tuned one, which TRL takes as its reference.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOTrainer

from pipesql.chat.template import END
from pipesql.errors import BadInput
from pipesql.execution.connection import QueryLimits
from pipesql.finetune.adapter import save_full_model
from pipesql.finetune.grpo.data import WHOLE_QUERY_LAYOUTS, read_questions
from pipesql.finetune.grpo.metrics import GrpoMetrics
from pipesql.finetune.grpo.rewards.functions import Rewards
from pipesql.finetune.grpo.types import GrpoResult, LoggedAnswer
from pipesql.finetune.progress import TrainingProgress
from pipesql.finetune.recipe.recipe import GrpoRecipe
from pipesql.finetune.sft.types import OnMetrics
from pipesql.merge.merge import Merged, merge, prepare_for_use
from pipesql.models.load import choose_device
from pipesql.storage import require_writable

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import GRPOConfig


def train_by_rewards(
    data: Path,
    adapter: Path,
    recipe: GrpoRecipe,
    output: Path,
    limit: int = 0,
    seed: int = 0,
    *,
    on_metrics: OnMetrics = lambda values, step: None,
) -> GrpoResult:
    """Train the model of the folder `adapter` (left by fine-tuning) on train questions of the data folder.

    Writes `output/adapter`, a full model, atomically. `on_metrics` gets every measurement with its step, and the
    summary last. Raises BadInput for data or an adapter that cannot be used, ModelUnavailable, TrainingDiverged.
    """
    require_writable(output / "adapter")
    tuned = merge(adapter)
    if tuned.layout == "steps":
        raise BadInput(
            f"{adapter} was trained in layout steps (one operator a prompt), but GRPO needs whole queries; "
            f"train it on data in layout {' or '.join(WHOLE_QUERY_LAYOUTS)}"
        )
    answers: list[LoggedAnswer] = []
    progress = TrainingProgress(
        "grpo",
        {
            "grpo/reward": ("reward", ".3f"),
            "grpo/reward_execution": ("execution", ".2f"),
            "grpo/reward_result_f1": ("result F1", ".3f"),
            "grpo/kl": ("kl", ".4f"),
            "grpo/step_seconds": ("seconds", ".1f"),
        },
    )

    def report(values: dict[str, float], step: int) -> None:
        progress.show(values, step)
        answers.extend(LoggedAnswer.of(step, answer) for answer in rewards.latest[: recipe.num_generations])
        on_metrics(values, step)

    limits = QueryLimits(recipe.reward_timeout_s, recipe.reward_max_rows)
    with Rewards(tuned.tokenizer, limits) as rewards:
        questions = read_questions(data, recipe, tuned.tokenizer, rewards, limit, seed)
        with tempfile.TemporaryDirectory() as folder:
            trainer = _build_trainer(tuned, recipe, Dataset.from_list(questions.rows), rewards, Path(folder), seed)
            metrics = GrpoMetrics(report)
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(metrics)
            trainer.add_callback(progress)
            trainer.train()
    names = f"{tuned.recipe}+grpo-{recipe.name}"
    details = {
        "recipe": names,
        "settings": asdict(recipe),
        "layout": tuned.layout,
        "seed": seed,
        "questions": len(questions.rows),
    }
    model = _merged(trainer, tuned)
    saved = save_full_model(model, tuned.tokenizer, output / "adapter", tuned.base, details)
    summary = metrics.summary()
    on_metrics(summary, trainer.state.global_step)
    return GrpoResult(
        model=saved,
        layout=tuned.layout,
        recipe=names,
        questions=len(questions.rows),
        left_out=questions.left_out,
        answers=answers,
        steps=trainer.state.global_step,
        summary=summary,
    )


def _build_trainer(
    tuned: Merged, recipe: GrpoRecipe, questions: Dataset, rewards: Rewards, folder: Path, seed: int
) -> GRPOTrainer:
    """TRL's trainer. It ends an answer at the end token of model and tokenizer, which `merge` set to the end marker. It
    must not pad with the step marker: an answer that is cut off after one would count as ended."""
    device = choose_device()
    tokenizer = copy.deepcopy(tuned.tokenizer)
    tokenizer.pad_token = END
    model = tuned.model.to(device)
    model.config.use_cache = True
    return GRPOTrainer(
        model=model,
        reward_funcs=rewards.functions(),
        args=grpo_config(recipe, folder, device, seed),
        train_dataset=questions,
        processing_class=tokenizer,
        peft_config=fresh_lora(recipe),
    )


def _merged(trainer: GRPOTrainer, tuned: Merged) -> Any:
    """The trained model with its adapter merged in float32, prepared as `merge` prepares models."""
    trained = trainer.accelerator.unwrap_model(trainer.model).to("cpu", torch.float32)
    model = trained.merge_and_unload().eval()
    prepare_for_use(model, tuned.tokenizer)
    return model


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
        # how questions are answered, each by a group of answers
        num_generations=recipe.num_generations,
        max_completion_length=recipe.max_completion_length,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        top_k=recipe.top_k,
        # how the answers train the model
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
        # logs
        logging_strategy="steps",
        logging_steps=recipe.logging_steps,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
