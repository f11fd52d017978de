"""`python -m experiments.gpu.throughput --shape 1.5b`: tokens a second on one NVIDIA GPU, the guide's way and ours.

The guide's settings, on layout steps, padded: 1.5b without quantisation, batches of 4 × 8 accumulated; 7b in 4 bits
(nf4, double quantisation), batches of 1 × 32; both up to 4,096 tokens with activation checkpointing. Ours: packs of
4,096 tokens that share prompts, by flex attention and by sdpa, with checkpointing and without. Same pairs, same loss
(on what the assistant says), LoRA r 16 on all projections, weights random in Qwen2.5's shapes. Tokens are counted by
smol's tokenizer (tiny's with --tiny), since nothing is fetched: Qwen's would give about as many.

    python -m experiments.gpu.throughput --shape 1.5b --data output/data/FOLDER --out 1.5b.json
    python -m experiments.gpu.throughput --tiny                # the same code on a CPU, in seconds
"""

from __future__ import annotations

import argparse
import gc
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from experiments.gpu.shapes import random_model
from experiments.pairs import add_arguments, drawn, rows
from experiments.trainers import make_trainer
from pipesql.finetune.attention.choose import use_fused_kernels
from pipesql.finetune.data.tokenise import IGNORED, Row
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.models import resolve_model
from pipesql.models.load import choose_device, load_tokenizer
from pipesql.storage import write_json

LONGEST = 4096


@dataclass(frozen=True)
class Setting:
    """A way to train. `batch` × `accumulate` sequences or packs make an optimizer step."""

    label: str
    layout: str
    packing: str
    attention: str = "auto"
    batch: int = 1
    accumulate: int = 1
    checkpointing: bool = False


@dataclass(frozen=True)
class Speed:
    """What a setting reached. Tokens are computed ones, padding included; memory is the peak in GB, 0 on a CPU."""

    label: str
    steps: int
    tokens_per_second: float
    supervised_per_second: float
    memory: float
    failed: str = ""


def settings(shape: str, cuda: bool) -> list[Setting]:
    """The guide's setting first, then ours."""
    batch, accumulate = (1, 32) if shape == "7b" else (4, 8)
    guide = Setting("guide: steps, padded", "steps", "none", "sdpa", batch, accumulate, True)
    ours = [
        Setting(f"ours: packs, {attention}{', checkpointing' if checkpointing else ''}", "folded", "shared",
                attention, checkpointing=checkpointing)
        for attention in (("flex_attention", "sdpa") if cuda else ("auto", "sdpa"))
        for checkpointing in (False, True)
    ]  # fmt: skip
    return [guide, *ours]


def measure(
    setting: Setting,
    shape: str,
    four_bit: bool,
    chosen: Sequence[Row],
    tokenizer: Any,
    device: str,
    steps: int,
    longest: int,
) -> Speed:
    """Train some optimizer steps of a setting, after one that is not counted."""
    cuda = device.startswith("cuda")
    model = random_model(shape, device, four_bit)
    use_fused_kernels(model, device)
    recipe = Recipe(
        "throughput", "", 1e-5, packing=setting.packing, attn_implementation=setting.attention,  # type: ignore[arg-type]
        per_device_train_batch_size=setting.batch, max_length=longest, lora_dropout=0.05,
        activation_checkpointing="on" if setting.checkpointing else "off",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(model, tokenizer, chosen, recipe, Path(folder), device=device)
    model = trainer.model.to(device).train()
    for weight in model.parameters():
        if weight.requires_grad:  # TRL puts an adapter on a 4-bit base into bfloat16, too coarse for small steps
            weight.data = weight.data.float()
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-5)
    batches = _endless(trainer)
    tokens = targets = 0
    begun = 0.0
    for step in range(steps + 1):
        if step == 1:
            _wait(cuda)
            begun, tokens, targets = time.perf_counter(), 0, 0
            if cuda:
                torch.cuda.reset_peak_memory_stats()
        for _ in range(setting.accumulate):
            batch = trainer._prepare_inputs(next(batches))
            tokens += batch["input_ids"].numel()
            targets += int((batch["labels"] != IGNORED).sum())
            with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=cuda):
                loss = trainer.compute_loss(model, batch)
            (loss / setting.accumulate).backward()
        optimizer.step()
        optimizer.zero_grad()
    _wait(cuda)
    spent = time.perf_counter() - begun
    memory = torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0
    return Speed(setting.label, steps, tokens / spent, targets / spent, memory)


def _endless(trainer: Any) -> Iterator[Any]:
    while True:
        yield from trainer.get_train_dataloader()


def _wait(cuda: bool) -> None:
    if cuda:
        torch.cuda.synchronize()


def main() -> None:
    """Measure every setting and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 500)
    parser.add_argument("--shape", choices=("1.5b", "7b"), default="1.5b")
    parser.add_argument(
        "--steps", type=int, default=4, help="optimizer steps of the guide; ours get three times as many"
    )
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    parser.add_argument("--tiny", action="store_true", help="a small model and few pairs, on any machine")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.queries, arguments.steps = 24, 1
    device = "cpu" if arguments.tiny else choose_device()
    shape, longest = ("tiny", 1024) if arguments.tiny else (arguments.shape, LONGEST)
    four_bit = arguments.shape == "7b"
    tokenizer = load_tokenizer(resolve_model("tiny" if arguments.tiny else "smol"))
    pairs = drawn(arguments, tokenizer, longest)
    speeds = []
    for setting in settings(arguments.shape, device.startswith("cuda")):
        chosen = rows(pairs, setting.layout, tokenizer, longest)
        random.Random(0).shuffle(chosen)
        steps = arguments.steps * (1 if setting.layout == "steps" else 3)
        try:
            speeds.append(measure(setting, shape, four_bit, chosen, tokenizer, device, steps, longest))
        except torch.OutOfMemoryError:
            speeds.append(Speed(setting.label, 0, 0.0, 0.0, 0.0, "out of memory"))
        gc.collect()
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
    card = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    bits = ", 4 bits" if four_bit else ""
    print(f"\n{shape}{bits} on {card}, {len(pairs)} pairs, up to {longest} tokens, random weights")
    print(f"{'':44}{'tokens/s':>10}{'supervised/s':>14}{'faster':>8}{'GB':>7}")
    for speed in speeds:
        ratio = speed.supervised_per_second / speeds[0].supervised_per_second if speeds[0].supervised_per_second else 0
        numbers = (
            f"{speed.tokens_per_second:>10,.0f}{speed.supervised_per_second:>14,.0f}{ratio:>7.1f}×{speed.memory:>7.1f}"
        )
        print(f"{speed.label:44}{speed.failed or numbers:>10}")
    if arguments.out:
        write_json(arguments.out, {"shape": shape, "device": card, "settings": [asdict(speed) for speed in speeds]})


if __name__ == "__main__":
    main()
