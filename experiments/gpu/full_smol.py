"""`python -m experiments.gpu.full_smol --data FOLDER`: every weight of SmolLM2-135M, on a folder of the data step.

By the recipe smol-full (packs of 4,096 tokens that share prompts), with the evaluation loss after each epoch. The model
that comes out is written to --model_out and named by the SHA-256 of its weights file; with the same versions, card and
seed that shows whether two trainings came to the same.

    python -m experiments.gpu.full_smol --data output/data/FOLDER --out smol.json --model_out output/smol-full
    python -m experiments.gpu.full_smol --tiny            # random weights and the demo, on any machine
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from experiments.trainers import make_trainer
from pipesql.errors import BadInput
from pipesql.finetune.attention.choose import use_fused_kernels
from pipesql.finetune.data.dataset import SampleDataset, read_dataset, schedule
from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.merge.merge import prepare_for_use
from pipesql.models import resolve_model
from pipesql.models.load import choose_device, load_model, load_tokenizer
from pipesql.storage import file_digest, write_json
from tests.support.tiny_training import write_samples


def trained(
    model: Any, tokenizer: Any, dataset: SampleDataset, recipe: Recipe, device: str, seed: int
) -> tuple[Any, list[dict[str, float]]]:
    """The trained model, and the evaluation loss after every epoch with the seconds of training until then."""
    epochs = round(recipe.num_train_epochs)
    recipe = dataclasses.replace(recipe, eval_steps=1 / epochs, num_train_epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(
            model,
            tokenizer,
            dataset.train_rows,
            recipe,
            Path(folder),
            measure=dataset.eval_rows,
            device=device,
            seed=seed,
        )
        trainer.args.save_strategy = transformers.trainer_utils.SaveStrategy.NO
        # The schedule has all epochs one after the other, each packed again: the trainer sees one.
        trainer.train_dataset = schedule(trainer.train_dataset, dataset.train_rows, recipe, seed, epochs)
        start = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - start
    rows = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    measured = [{"step": float(entry["step"]), "eval_loss": entry["eval_loss"]} for entry in rows]
    return trainer.model, [*measured, {"seconds": seconds, "tokens": float(trainer.tokens_seen)}]


def main() -> None:
    """Train, save, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of the data step (layout tree or folded)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--queries", type=int, default=0, help="at most so many train queries; 0 takes all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    parser.add_argument("--model_out", type=Path, help="keep the model in this folder")
    parser.add_argument("--tiny", action="store_true", help="the model tiny on a few samples, on any machine")
    arguments = parser.parse_args()
    name, device = ("tiny", "cpu") if arguments.tiny else ("smol", choose_device())
    recipe = dataclasses.replace(recipe_for("smol-full", "smol"), num_train_epochs=float(arguments.epochs))
    source = resolve_model(name)
    tokenizer = load_tokenizer(source)
    transformers.set_seed(arguments.seed)
    # Weights that are trained are kept in float32; the forward pass computes in 16 bits by autocast.
    model = load_model(source, device, torch.float32)
    kernels = use_fused_kernels(model, device)
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.tiny:
            write_samples(Path(scratch))
        elif arguments.data is None:
            raise BadInput("give the folder of a data run by --data, or --tiny")
        data = Path(scratch) if arguments.tiny else arguments.data
        dataset = read_dataset(data, tokenizer, recipe, arguments.queries, arguments.seed)
        model, epochs = trained(model, tokenizer, dataset, recipe, device, arguments.seed)
        folder = arguments.model_out or Path(scratch) / "model"
        prepare_for_use(model, tokenizer)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        fingerprint = file_digest(folder / "model.safetensors")
    *losses, total = epochs
    card = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    print(f"\n{source.description} on {card}, every weight, {dataset.train.kept:,} queries. {kernels}")
    print(f"{'epoch':>6}{'step':>8}{'eval loss':>11}   ({dataset.eval_split})")
    for number, loss in enumerate(losses, 1):
        print(f"{number:>6}{loss['step']:>8,.0f}{loss['eval_loss']:>11.4f}")
    print(f"{total['seconds']:.0f} s, {total['tokens'] / total['seconds']:,.0f} tokens/s, evaluation counted in")
    print(f"model.safetensors: sha256 {fingerprint}")
    if arguments.out:
        write_json(
            arguments.out,
            {
                "device": card,
                "queries": dataset.train.kept,
                "epochs": losses,
                **total,
                "sha256": fingerprint,
                "settings": dataclasses.asdict(recipe),
            },
        )


if __name__ == "__main__":
    main()
