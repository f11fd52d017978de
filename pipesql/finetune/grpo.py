"""GRPO after fine-tuning: a model answers each question several times, and learns from which answers were worth more.

TRL's own GRPOTrainer does the learning. Ours is what it is fed with: the prompts of fine-tuning, answers that end at
the end marker alone and are read as decoding reads them, and rewards that execute them (`rewards`).

The KL divergence is measured from the model that training began with. So its adapter is merged into the base first,
and a fresh one put on: without it the model is exactly the fine-tuned one, which is what TRL takes as the reference.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOTrainer

from pipesql.chat.template import END
from pipesql.errors import BadInput
from pipesql.finetune.grpo_arguments import fresh_lora, grpo_config
from pipesql.finetune.grpo_metrics import GrpoMetrics
from pipesql.finetune.grpo_questions import WHOLE, ask
from pipesql.finetune.grpo_recipe import GrpoRecipe
from pipesql.finetune.grpo_result import Answer, GrpoTraining
from pipesql.finetune.merge import Merged, merge, prepare_for_use
from pipesql.finetune.metrics import OnMetrics
from pipesql.finetune.progress import Progress
from pipesql.finetune.rewards.judge import Judge
from pipesql.finetune.whole_model import save_whole_model
from pipesql.folders import require_writable
from pipesql.models.load import choose_device


def train_by_rewards(
    data: Path,
    adapter: Path,
    recipe: GrpoRecipe,
    output: Path,
    limit: int = 0,
    seed: int = 0,
    *,
    on_metrics: OnMetrics = lambda values, step: None,
) -> GrpoTraining:
    """Train the model of the folder `adapter` (what fine-tuning left) on train questions of the data folder.

    Writes `output/adapter`, a whole model, whole or not at all. `on_metrics` gets every measurement with its step, and
    the summary last. Raises BadInput for data or an adapter that cannot be used, ModelUnavailable, TrainingDiverged.
    """
    require_writable(output / "adapter")
    tuned = merge(adapter)
    if tuned.layout == "steps":
        raise BadInput(
            f"{adapter} was trained in layout steps, an operator a prompt; GRPO asks for whole queries: "
            f"train on data in layout {' or '.join(WHOLE)}"
        )
    answers: list[Answer] = []
    progress = Progress(
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
        answers.extend(Answer.of(step, judged) for judged in judge.latest[: recipe.num_generations])
        on_metrics(values, step)

    with Judge(tuned.tokenizer, recipe.reward_timeout_s, recipe.reward_max_rows) as judge:
        asked = ask(data, recipe, tuned.tokenizer, judge, limit, seed)
        with tempfile.TemporaryDirectory() as folder:
            trainer = _trainer(tuned, recipe, Dataset.from_list(asked.rows), judge, Path(folder), seed)
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
        "questions": len(asked.rows),
    }
    model = _whole(trainer, tuned)
    saved = save_whole_model(model, tuned.tokenizer, output / "adapter", tuned.base, details)
    summary = metrics.summary()
    on_metrics(summary, trainer.state.global_step)
    return GrpoTraining(
        model=saved,
        layout=tuned.layout,
        recipe=names,
        questions=len(asked.rows),
        left_out=asked.left_out,
        answers=answers,
        steps=trainer.state.global_step,
        summary=summary,
    )


def _trainer(
    tuned: Merged, recipe: GrpoRecipe, questions: Dataset, judge: Judge, folder: Path, seed: int
) -> GRPOTrainer:
    """TRL's trainer. It ends an answer at what the model and the tokenizer call their end, which `merge` has set to the
    end marker; it must not pad with the step marker either, or it would take an answer cut behind one for ended."""
    device = choose_device()
    tokenizer = copy.deepcopy(tuned.tokenizer)
    tokenizer.pad_token = END
    model = tuned.model.to(device)
    model.config.use_cache = True
    return GRPOTrainer(
        model=model,
        reward_funcs=judge.functions(),
        args=grpo_config(recipe, folder, device, seed),
        train_dataset=questions,
        processing_class=tokenizer,
        peft_config=fresh_lora(recipe),
    )


def _whole(trainer: GRPOTrainer, tuned: Merged) -> Any:
    """The trained model without its adapter, merged in float32 and then made as `merge` makes them."""
    trained = trainer.accelerator.unwrap_model(trainer.model).to("cpu", torch.float32)
    model = trained.merge_and_unload().eval()
    prepare_for_use(model, tuned.tokenizer)
    return model
