"""`python -m experiments.equality`: packs teach what sequences of one operator teach, token by token.

The measure is the unpacked incremental format: N sequences for a query of N operators, each the prompt, the operators
so far as they were emitted, and the next one, with the loss on that one alone; every sequence a batch of its own. Held
against it, by the trainer that a run has and the attention that it chooses on a CPU: folded sequences packed by TRL
(packing bfd) and packs that share prompts (packing shared). Compared are the loss of every target in its context, and
the gradient of the mean loss by every trained weight, in float32.

The reproduction guide's own incremental format is another conditional: there the query so far stands inside the user's
turn ("Query so far: …"), so its contexts are other tokens, and no layout of ours could equal it. That is layout steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from experiments.pairs import add_arguments, drawn
from experiments.trainers import make_trainer, shake_adapter
from pipesql.chat.template import markers, operator_ids, prompt_ids
from pipesql.finetune.attention.segments import segments_between, segments_of
from pipesql.finetune.data.tokenise import IGNORED, tokenise
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.build import lora_config
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.records import Sample
from pipesql.samples.build import build
from pipesql.samples.layouts import Options

TOLERANCE = 1e-4
"""Largest relative difference, of a loss and of a gradient."""


@dataclass
class Taught:
    """What one pass over the samples teaches."""

    losses: dict[tuple[int, ...], list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each target by its whole context and itself, in nats; several where several samples have the same."""
    gradients: dict[str, torch.Tensor] = field(default_factory=dict)
    """Of the mean loss over all targets, by weight."""

    @property
    def count(self) -> int:
        """How many targets there are."""
        return sum(map(len, self.losses.values()))


def incremental(model: Any, tokenizer: Any, samples: Sequence[Sample]) -> Taught:
    """The measure: every operator in a sequence of its own, made here from the samples' text."""
    taught = Taught()
    model.train()
    model.set_attn_implementation("sdpa")
    for sample in samples:
        ids, mark = prompt_ids(tokenizer, sample.prompt), markers(tokenizer)
        for number, operator in enumerate(sample.targets, 1):
            start = len(ids)
            ids = ids + operator_ids(tokenizer, operator, first=number == 1)
            ids.append(mark.end if number == len(sample.targets) else mark.step)
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, start - 1 : -1]
            losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[start:]), reduction="none")
            losses.sum().backward()
            for place, loss in enumerate(losses.tolist(), start + 1):
                taught.losses[tuple(ids[:place])].append(loss)
    taught.gradients = _take_gradients(model, taught.count)
    return taught


def packed(model: Any, tokenizer: Any, samples: Sequence[Sample], recipe: Recipe) -> Taught:
    """The same by a run's trainer: batches by its data loader, losses of single targets by a forward pass with what
    they hold, gradients by its `compute_loss`."""
    taught = Taught()
    rows, _ = tokenise(samples, tokenizer, recipe.max_length)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(model, tokenizer, rows, recipe, Path(folder))
        model.train()
        batches = list(trainer.get_train_dataloader())
        contexts = [list(_contexts(number, batch, trainer)) for number, batch in enumerate(batches)]
        total = sum(map(len, contexts))
        for batch, found in zip(batches, contexts, strict=True):
            rest = {name: part for name, part in batch.items() if name != "labels"}
            with torch.no_grad():
                logits = model(**rest, use_cache=False).logits
            for row, place, context in found:
                target = torch.tensor(context[-1])
                taught.losses[context].append(torch.nn.functional.cross_entropy(logits[row, place - 1], target).item())
            trainer.compute_loss(model, batch, num_items_in_batch=total).backward()
    taught.gradients = _take_gradients(model, 1)
    return taught


def _contexts(number: int, batch: dict[str, Any], trainer: Any) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(row, place, context and target) of every target of the trainer's batch of that number."""
    for row, labels in enumerate(batch["labels"].tolist()):
        ids = batch["input_ids"][row].tolist()
        if "segment" in trainer.train_dataset.column_names:
            pack = trainer.train_dataset[number * len(batch["labels"]) + row]
            segments = segments_of(pack["segment"], pack["prefix"])
        else:
            segments = segments_between(batch["cu_seq_lens_q"])
        starts = [0]
        for length, _ in segments:
            starts.append(starts[-1] + length)
        for own, (length, prefix) in enumerate(segments):
            before = ids[starts[prefix] : starts[prefix] + segments[prefix][0]] if prefix != own else []
            for place in range(starts[own], starts[own] + length):
                if labels[place] != IGNORED:
                    yield row, place, (*before, *ids[starts[own] : place + 1])


def _take_gradients(model: Any, total: int) -> dict[str, torch.Tensor]:
    found = {name: weight.grad / total for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return found


@dataclass(frozen=True)
class Difference:
    """Largest differences from the measure: of a loss as a share of that loss (at least 1 nat), of a weight's gradient
    as a share of its norm."""

    targets: int
    loss: float
    gradient: float
    weights: int


def difference(one: Taught, measure: Taught) -> Difference:
    """How far `one` lies from the measure. Raises AssertionError where it has other targets, contexts or weights."""
    assert {k: len(v) for k, v in one.losses.items()} == {k: len(v) for k, v in measure.losses.items()}
    assert one.gradients.keys() == measure.gradients.keys()
    loss = max(
        abs(a - b) / max(b, 1.0)
        for context, losses in measure.losses.items()
        for a, b in zip(sorted(one.losses[context]), sorted(losses), strict=True)
    )
    gradient = max(
        float((one.gradients[name] - wanted).norm() / wanted.norm()) for name, wanted in measure.gradients.items()
    )
    return Difference(measure.count, loss, gradient, len(measure.gradients))


def compare(model: Any, tokenizer: Any, samples: Sequence[Sample], recipe: Recipe) -> dict[str, Difference]:
    """The differences of packing bfd and shared from the incremental format, for a model in float32 with its adapter
    on, or for one without, of which every weight is trained."""
    measure = incremental(model, tokenizer, samples)
    return {
        packing: difference(
            packed(model, tokenizer, samples, dataclasses.replace(recipe, packing=packing)),  # type: ignore[arg-type]
            measure,
        )
        for packing in ("bfd", "shared")
    }


def main() -> int:
    """Compare, print, and say by the exit status whether all lies within the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 12)
    parser.add_argument("--model", default="smol")
    parser.add_argument("--pack", type=int, default=1280, help="tokens a pack (default %(default)s)")
    parser.add_argument("--full", action="store_true", help="train every weight instead of an adapter")
    arguments = parser.parse_args()
    source = resolve_model(arguments.model)
    tokenizer = load_tokenizer(source)
    pairs = drawn(arguments, tokenizer, arguments.pack)
    samples = build(pairs, Options("folded", execute_prefixes=False)).samples
    recipe = Recipe("equality", "", 1e-4, max_length=arguments.pack, use_peft=not arguments.full)
    model: Any = load_model(source, "cpu", torch.float32)
    if not arguments.full:
        from peft import get_peft_model

        model = get_peft_model(model, lora_config(recipe))
        shake_adapter(model)
    found = compare(model, tokenizer, samples, recipe)
    print(f"{len(pairs)} queries, {source.description}, float32, {'every weight' if arguments.full else 'LoRA'}")
    print(f"{'packing':10}{'targets':>9}{'loss':>12}{'weights':>9}{'gradient':>12}   (largest relative differences)")
    for packing, one in found.items():
        print(f"{packing:10}{one.targets:>9,}{one.loss:>12.1e}{one.weights:>9,}{one.gradient:>12.1e}")
    within = all(one.loss <= TOLERANCE and one.gradient <= TOLERANCE for one in found.values())
    print("equal" if within else f"NOT equal within {TOLERANCE:g}")
    return int(not within)


if __name__ == "__main__":
    raise SystemExit(main())
