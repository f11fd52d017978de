"""Fine-tune a model on samples: LoRA on every linear projection; the adapter with the best evaluation loss is kept."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import transformers
from datasets import Dataset
from transformers import PrinterCallback

from pipesql.chat.template import TEMPLATE
from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput
from pipesql.finetune.adapter import save_adapter
from pipesql.finetune.arguments import lora_config, sft_config
from pipesql.finetune.packs import collate, make_packs
from pipesql.finetune.progress import Progress
from pipesql.finetune.recipe import Recipe
from pipesql.finetune.result import Training
from pipesql.finetune.tokenise import Row, tokenise
from pipesql.finetune.trainer import Metrics, OnMetrics, TargetTrainer
from pipesql.models import ModelSource
from pipesql.models.load import choose_device, load_model, load_tokenizer
from pipesql.records import Sample


def train(
    samples: Path,
    source: ModelSource,
    recipe: Recipe,
    output: Path,
    limit: int = 0,
    seed: int = 0,
    *,
    on_metrics: OnMetrics = lambda values, step: None,
) -> Training:
    """Train on `samples.train.jsonl` of the folder `samples`, measure on its `samples.validation.jsonl` where the data
    were built with one, else on its `samples.dev.jsonl`.

    `limit`: the samples of at most that many training queries (0: as the recipe says). Writes `output/adapter`
    (safetensors, tokenizer with our chat template, `base.json`), whole or not at all; checkpoints are in `output`
    while it runs. `on_metrics` gets every measurement with its step, and the summary last.
    Raises BadInput for samples that cannot be used, ModelUnavailable, TrainingDiverged.
    """
    tokenizer = load_tokenizer(source)
    tokenizer.chat_template = TEMPLATE
    measured = "validation" if (samples / "samples.validation.jsonl").is_file() else "dev"
    learn = _drawn(samples / "samples.train.jsonl", limit or recipe.max_train_queries, seed)
    measure = _drawn(samples / f"samples.{measured}.jsonl", recipe.max_eval_queries, seed)
    if recipe.packing != "shared" and any(sample.layout == "tree" for sample in learn):
        raise BadInput(
            f"{samples} is in layout tree, which only packs of packing shared keep; recipe {recipe.name} says "
            f"packing {recipe.packing}: choose another recipe, or build the data in layout folded"
        )
    train_rows, train_statistics = tokenise(learn, tokenizer, recipe.max_length)
    eval_rows, eval_statistics = tokenise(measure, tokenizer, recipe.max_length)
    for rows, statistics in ((train_rows, train_statistics), (eval_rows, eval_statistics)):
        if not rows:
            name = "train" if statistics is train_statistics else measured
            raise BadInput(
                f"{samples}/samples.{name}.jsonl has no sample to use: {statistics.samples} read, "
                f"{statistics.too_long} of them longer than max_length {recipe.max_length} of recipe {recipe.name}"
            )
    progress = Progress()

    def report(values: dict[str, float], step: int) -> None:
        progress.show(values, step)
        on_metrics(values, step)

    transformers.set_seed(seed)
    with _checkpoints(output) as folder:
        trainer = _trainer(source, tokenizer, recipe, train_rows, eval_rows, Path(folder), seed)
        metrics = Metrics(trainer, report)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(metrics)
        trainer.add_callback(progress)
        trainer.train()
        layout = learn[0].layout
        adapter = save_adapter(
            trainer.model,
            tokenizer,
            output / "adapter",
            source,
            {
                "recipe": recipe.name,
                "settings": asdict(recipe),
                "layout": layout,
                "seed": seed,
                "samples": train_statistics.kept,
            },
        )
    summary = metrics.summary()
    on_metrics(summary, trainer.state.global_step)
    return Training(
        adapter=adapter,
        layout=layout,
        measured=measured,
        train=train_statistics,
        eval=eval_statistics,
        steps=trainer.state.global_step,
        tokens=trainer.tokens_seen,
        seconds=metrics.seconds,
        summary=summary,
    )


def _drawn(path: Path, count: int, seed: int) -> list[Sample]:
    """The samples of a file, of at most `count` queries (0: all) drawn by the seed, in the order of the file."""
    samples = list(read_samples(path))
    queries = list(dict.fromkeys(_query_of(sample) for sample in samples))
    if not count or len(queries) <= count:
        return samples
    chosen = set(random.Random(seed).sample(queries, count))
    return [sample for sample in samples if _query_of(sample) in chosen]


def _query_of(sample: Sample) -> str:
    """The query a sample belongs to: its steps, and the conversation about it, say more behind `#`."""
    return sample.id.rpartition("#")[0] if sample.layout in ("steps", "tools") else sample.id


def _checkpoints(output: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=output, prefix=".checkpoints.")
    except OSError as e:
        raise BadInput(f"cannot write into {output}: {e.strerror}; free some space or choose another folder") from e


def _trainer(
    source: ModelSource,
    tokenizer: Any,
    recipe: Recipe,
    train_rows: Sequence[Row],
    eval_rows: Sequence[Row],
    folder: Path,
    seed: int,
) -> TargetTrainer:
    device = choose_device()
    model = load_model(source, device)
    model.config.use_cache = False
    epochs = recipe.num_train_epochs
    if recipe.packing == "shared":
        # Each pass over the data is packed anew, all of them laid in a row: the trainer sees one pass.
        passes = math.ceil(epochs)
        packs = [pack for n in range(passes) for pack in make_packs(train_rows, recipe.max_length, seed + n)]
        learn, measure = _dataset(packs), _dataset(make_packs(eval_rows, recipe.max_length, seed))
        epochs /= passes
    else:
        learn, measure = _plain(train_rows), _plain(eval_rows)
    return TargetTrainer(
        model=model,
        args=sft_config(recipe, folder, device, seed, epochs),
        train_dataset=learn,
        eval_dataset=measure,
        processing_class=tokenizer,
        peft_config=lora_config(recipe),
        data_collator=collate if recipe.packing == "shared" else None,
    )


def _dataset(packs: Sequence[Any]) -> Dataset:
    return Dataset.from_list([asdict(pack) for pack in packs])


def _plain(rows: Sequence[Row]) -> Dataset:
    return Dataset.from_list([{"input_ids": list(row.input_ids), "labels": list(row.labels)} for row in rows])
