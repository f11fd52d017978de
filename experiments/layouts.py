"""`python -m experiments.layouts`: seconds an epoch of the same pairs takes on this CPU, by layout.

  steps    one sequence an operator, padded in batches of four: how the reproduction guide trains
  folded   one sequence a query, packed (packing bfd)
  tree     the schema once, its questions as continuations (packing shared)

All three train the same LoRA adapter (r 16, all projections) by the trainer that a run has: forward, backward and
optimizer step, with the loss on what the assistant says and logits nowhere else. Batches of the layouts alternate, so
that all of them meet the same machine. With --share a drawn part of the batches is measured and the rest is reckoned
by its computed tokens, which the output says.

    python -m experiments.layouts --benchmark spider --benchmark_dir PATH --share 0.05
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from experiments.pairs import add_arguments, drawn, rows
from experiments.trainers import make_trainer
from pipesql.finetune.attention.choose import Attention, choose_attention
from pipesql.finetune.data.tokenise import IGNORED
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.build import lora_config
from pipesql.finetune.sft.trainer import TargetTrainer
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.models.precision import cpu_has_bf16
from pipesql.records import GoldenPair
from pipesql.storage import write_json

LAYOUTS: dict[str, tuple[str, Literal["shared", "bfd", "none"], int]] = {
    "steps": ("steps, padded by 4", "none", 4),
    "folded": ("folded, packed", "bfd", 1),
    "tree": ("tree, packed", "shared", 1),
}
"""Layout → (label, packing, sequences or packs a batch)."""


LONGEST = 4096
"""Longest sequence of layout steps."""
FEWEST = 6
"""So many batches of a layout are measured at least."""


@dataclass
class Course:
    """One layout's epoch: its batches, and what those measured took."""

    label: str
    trainer: TargetTrainer
    attention: Attention
    batches: list[dict[str, Any]]
    chosen: list[int]
    tokens: list[int] = field(default_factory=list)
    """Computed tokens of every batch, padding included."""
    targets: int = 0
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = [batch["input_ids"].numel() for batch in self.batches]
        self.targets = sum(int((batch["labels"] != IGNORED).sum()) for batch in self.batches)

    @property
    def speed(self) -> float:
        """Computed tokens a second, of what was measured."""
        return sum(self.tokens[place] for place in self.chosen) / sum(self.seconds)

    @property
    def epoch(self) -> float:
        """Seconds that the whole epoch takes at this speed; the very time where every batch was measured."""
        return sum(self.tokens) / self.speed


def course(
    layout: str, pairs: Sequence[GoldenPair], model: Any, tokenizer: Any, recipe: Recipe, folder: Path, share: float
) -> Course:
    """The epoch of a layout, with the batches of it that are measured drawn."""
    label, packing, size = LAYOUTS[layout]
    recipe = dataclasses.replace(recipe, packing=packing, per_device_train_batch_size=size)
    if layout == "steps":  # the guide's own length: nothing is cut
        recipe = dataclasses.replace(recipe, max_length=LONGEST)
    drawn = rows(pairs, "steps" if layout == "steps" else "folded", tokenizer, recipe.max_length)
    random.Random(0).shuffle(drawn)
    trainer = make_trainer(model, tokenizer, drawn, recipe, folder)
    batches = list(trainer.get_train_dataloader())
    draw = random.Random(layout)
    count = min(len(batches), max(FEWEST, round(share * len(batches))))
    chosen = draw.sample(range(len(batches)), count) if share < 1 else range(len(batches))
    attention = choose_attention("cpu", packing, recipe.attn_implementation)
    return Course(label, trainer, attention, batches, list(chosen))


def measure(courses: Sequence[Course], bf16: bool, report: Callable[[str], None]) -> None:
    """Train on the chosen batches, the layouts in turn."""
    model = courses[0].trainer.model.train()
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-5)

    def train(one: Course, place: int) -> float:
        one.attention.use_in(model)
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = one.trainer.compute_loss(model, one.batches[place])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - start

    for one in courses:
        train(one, one.chosen[0])  # not counted: memory is taken and kernels are made
    began = time.perf_counter()
    for count, (one, place) in enumerate(in_turn(courses), 1):
        one.seconds.append(train(one, place))
        if count % 20 == 0:
            report(f"{count} batches in {time.perf_counter() - began:.0f} s")


def in_turn(courses: Sequence[Course]) -> Iterator[tuple[Course, int]]:
    """All chosen batches, each layout's spread evenly over the whole measurement."""
    places = [
        (number / len(one.chosen), order) for order, one in enumerate(courses) for number in range(len(one.chosen))
    ]
    waiting = [iter(one.chosen) for one in courses]
    for _, order in sorted(places):
        yield courses[order], next(waiting[order])


def table(courses: Sequence[Course]) -> str:
    """The result as text."""
    titles = ("batches", "measured", "tokens", "targets", "tokens/s", "s an epoch", "faster")
    rows = [
        (
            f"{len(one.batches):,}",
            f"{len(one.chosen):,}",
            f"{sum(one.tokens):,}",
            f"{one.targets:,}",
            f"{one.speed:,.0f}",
            f"{one.epoch:,.0f}",
            f"{courses[0].epoch / one.epoch:.1f}×",
        )
        for one in courses
    ]
    labels = ("", *(one.label for one in courses))
    lines = [
        f"{label:20}" + "".join(f"{cell:>11}" for cell in row)
        for label, row in zip(labels, (titles, *rows), strict=True)
    ]
    return "\n".join(lines)


def figures(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """The result for a file."""
    return [
        {
            "layout": one.label,
            "batches": len(one.batches),
            "measured": len(one.chosen),
            "tokens": sum(one.tokens),
            "targets": one.targets,
            "tokens_per_second": one.speed,
            "seconds": one.epoch,
        }
        for one in courses
    ]


def main() -> None:
    """Measure and print."""
    from peft import get_peft_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 500)
    parser.add_argument("--model", default="smol")
    parser.add_argument("--share", type=float, default=1.0, help="share of each layout's batches that is measured")
    parser.add_argument("--pack", type=int, default=1280, help="tokens a pack (default %(default)s)")
    parser.add_argument("--precision", choices=("fp32", "auto"), default="fp32")
    parser.add_argument("--attention", default="auto", help="a recipe's attn_implementation, for packs")
    parser.add_argument("--layouts", default="steps,folded,tree", help="which to measure; the first is the measure")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    arguments = parser.parse_args()
    source = resolve_model(arguments.model)
    tokenizer = load_tokenizer(source)
    pairs = drawn(arguments, tokenizer, arguments.pack)
    recipe = Recipe("layouts", "", 1e-5, max_length=arguments.pack, attn_implementation=arguments.attention)
    bf16 = arguments.precision == "auto" and cpu_has_bf16()
    model = get_peft_model(load_model(source, "cpu", torch.float32), lora_config(recipe))
    with tempfile.TemporaryDirectory() as folder:
        courses = [
            course(layout, pairs, model, tokenizer, recipe, Path(folder), arguments.share)
            for layout in arguments.layouts.split(",")
        ]
        measure(courses, bf16, lambda line: print(line, flush=True))
    precision = "bfloat16 by autocast" if bf16 else "float32"
    print(
        f"\n{len(pairs)} train pairs of {len({pair.db_id for pair in pairs})} databases, {source.description}, "
        f"{precision}, {torch.get_num_threads()} threads, packs of {arguments.pack}"
    )
    if arguments.share < 1:
        print(
            f"measured on a drawn {arguments.share:.0%} of the batches, at least {FEWEST} of each layout; "
            "epochs are reckoned by computed tokens"
        )
    print(table(courses))
    if arguments.out:
        numbers = {"queries": len(pairs), "pack": arguments.pack, "precision": precision, "share": arguments.share}
        write_json(arguments.out, {**numbers, "layouts": figures(courses)})


if __name__ == "__main__":
    main()
