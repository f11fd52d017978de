"""Merge an adapter into its base, check the result against the pair that it came from, and make it ready for use.

The base is the one that the adapter recorded when it was trained, and nobody can name another. It is loaded again in
float32, because merging into 4-bit weights rounds the adapter away. Merged and unmerged logits must agree before the
model is stored. A model that was trained with full fine-tuning needs no merging.

Two options change the weights on purpose:

- `scaling` below 1 puts them between the base's and the trained ones (WiSE-FT, Wortsman et al. 2022). Such a model is
  often better on data unlike its training data: a model that was trained long on little is surer than it should be.
- `average` takes the mean with the weights of other models. Where all were trained from the same start, the mean is
  often better on unseen data than each of them (model soups, Wortsman et al. 2022).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from transformers import AutoTokenizer, GenerationConfig

from pipesql.chat.template import END, TEMPLATE, markers
from pipesql.errors import BadInput, InvalidFile, InvalidOption, PipesqlError
from pipesql.merge.compatibility import require_compatible
from pipesql.merge.logit_check import example_sequences, largest_difference, logits, quantised_logits
from pipesql.models import ModelSource, resolve_model
from pipesql.models.folder import BaseRecord, read_base_record
from pipesql.models.load import load_model

TOLERANCE = 2e-3
"""Largest allowed difference of a logit, merged against base + adapter, both in float32 (logits span tens)."""

MAX_NEW_TOKENS = 512
"""Default length of an answer for programs that load the saved model."""

FLOAT32_BELOW = 1_000_000_000
"""Models with fewer parameters are stored in float32: CPUs, on which they run, are far slower in bfloat16."""


@dataclass(frozen=True)
class Merged:
    """A merged model, ready to be saved, and what the merge measured."""

    model: Any
    tokenizer: Any
    base: ModelSource
    recipe: str
    layout: str
    """Layout of the samples that it was trained on; its prompts must have the same (`inference.config`)."""
    difference: float
    """Largest difference of a logit between the merged model and base + adapter."""
    effect: float
    """Largest difference of a logit that training makes to the base: near 0 where it changed nothing."""
    parameters: int
    adapter_parameters: int
    seconds: float
    scaling: float = 1.0
    """Share of the change from the base that is in the merged model."""
    averaged: tuple[str, ...] = ()
    """Models whose weights were averaged with the merged ones."""
    quantised_difference: float | None = None
    """Largest difference of a logit between the merged model and the adapter on the 4-bit base that it was trained on;
    None for other adapters. It shows the effect of the 4 bits, not a fault."""

    def metrics(self) -> dict[str, float]:
        """What the merge measured, in the group `merge/`."""
        found = {
            "merge/max_logit_difference": self.difference,
            "merge/adapter_effect": self.effect,
            "merge/seconds": self.seconds,
        }
        if self.quantised_difference is not None:
            found["merge/quantised_difference"] = self.quantised_difference
        return found

    def describe(self) -> str:
        """The merge in one sentence, for people."""
        scaled = "" if self.scaling == 1 else f" with scaling {self.scaling:g}"
        averaged = f", averaged with {' and '.join(self.averaged)}" if self.averaged else ""
        return (
            f"{self.recipe} merged into {self.base.description}{scaled}{averaged}; "
            f"largest difference of a logit {self.difference:.2g}"
        )

    @property
    def bytes(self) -> int:
        """Size of the weights as they will be stored."""
        return sum(p.numel() * p.element_size() for p in self.model.parameters())

    def size_rows(self) -> list[dict[str, Any]]:
        """A table of sizes: one row each for base, adapter and merged model."""
        weights = self.bytes // self.parameters
        return [
            {"part": part, "parameters": count, "share": round(count / self.parameters, 4), "megabytes": size / 1e6}
            for part, count, size in (
                (f"base {self.base.name}", self.parameters, self.parameters * weights),
                ("adapter", self.adapter_parameters, self.adapter_parameters * 4),
                (f"merged ({self.model.dtype})", self.parameters, self.bytes),
            )
        ]


def recorded_base(adapter: Path) -> tuple[ModelSource, BaseRecord]:
    """The base model that an adapter folder recorded, and the record; the base's contents are checked.

    Raises InvalidFile for a folder without a usable record and ModelUnavailable where the base is gone or has changed.
    """
    record = read_base_record(adapter)
    return resolve_model(record.model, digest=record.digest), record


def merge(adapter: Path, scaling: float = 1.0, average: Sequence[ModelSource] = ()) -> Merged:
    """Merge the adapter in that folder into its base, on the CPU in float32, and check it on example prompts.

    A folder that holds a model instead (`"method": "full"`) is that model. `scaling`, above 0 and at most 1, is the
    share of the change from the base that is merged; then the weights are averaged with those of the models `average`.

    The result's tokenizer carries our chat template, its generation is greedy and stops at the end marker alone.
    Raises BadInput (adapter or scaling cannot be used), ModelUnavailable (the base) and PipesqlError where the logits
    disagree.
    """
    if not 0 < scaling <= 1:
        raise InvalidOption(
            f"scaling is {scaling:g}, but it must be above 0 and at most 1 (everything that was learnt)"
        )
    start = time.monotonic()
    source, record = recorded_base(adapter)
    tokenizer = _tokenizer(adapter)
    sequences = example_sequences(tokenizer)
    base = load_model(source, device="cpu", dtype=torch.float32)
    untrained = logits(base, sequences)
    if record.method == "full":
        folder = ModelSource(str(adapter), adapter, "", "a fully fine-tuned model")
        model = load_model(folder, device="cpu", dtype=torch.float32)
        _interpolate(model, base, scaling)
        expected, trained = logits(model, sequences), sum(p.numel() for p in model.parameters())
    else:
        require_compatible(adapter, base)
        tuned = _with_adapter(base, adapter)
        _scale_adapter(tuned, scaling)
        expected = logits(tuned, sequences)
        trained = sum(p.numel() for n, p in tuned.named_parameters() if "lora_" in n)
        model = tuned.merge_and_unload().eval()
    effect = largest_difference(expected, untrained)
    difference = largest_difference(expected, logits(model, sequences))
    if not difference <= TOLERANCE:  # `not <=` also catches NaN
        raise PipesqlError(
            f"merging {adapter} into {source.name} changed a logit by {difference:.3g}, more than {TOLERANCE:g}; "
            "the adapter does not match this base or holds numbers that are not finite: train it again"
        )
    average_with(model, average)
    quantised = quantised_logits(adapter, record, source, sequences) if scaling == 1 else None
    prepare_for_use(model, tokenizer)
    return Merged(
        model=model,
        tokenizer=tokenizer,
        base=source,
        recipe=record.recipe,
        layout=record.layout,
        difference=difference,
        effect=effect,
        parameters=sum(p.numel() for p in model.parameters()),
        adapter_parameters=trained,
        seconds=time.monotonic() - start,
        scaling=scaling,
        averaged=tuple(source.description for source in average),
        quantised_difference=None if quantised is None else largest_difference(expected, quantised),
    )


def _tokenizer(adapter: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(adapter, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InvalidFile(
            f"the tokenizer in {adapter} cannot be loaded; train again to get a complete adapter"
        ) from error


def _with_adapter(model: Any, adapter: Path) -> Any:
    try:
        return PeftModel.from_pretrained(model, str(adapter), local_files_only=True).eval()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidFile(f"the adapter in {adapter} cannot be loaded: {reason}; train it again") from error


def _scale_adapter(tuned: Any, scaling: float) -> None:
    """Multiply the adapter's change of the base by `scaling`."""
    for module in tuned.modules():
        if isinstance(module, LoraLayer):
            module.scale_layer(scaling)


def _interpolate(model: Any, base: Any, scaling: float) -> None:
    """Move a fully fine-tuned model to `scaling` of the way from its base."""
    with torch.no_grad():
        for (name, weight), (of_base, start) in zip(model.named_parameters(), base.named_parameters(), strict=True):
            assert name == of_base
            weight.copy_(torch.lerp(start, weight, scaling))


def prepare_for_use(model: Any, tokenizer: Any) -> None:
    """Set everything that a program needs which only loads the saved folder: dtype, template, when to stop."""
    if sum(p.numel() for p in model.parameters()) >= FLOAT32_BELOW:
        model.to(torch.bfloat16)
    end = markers(tokenizer).end
    tokenizer.chat_template = TEMPLATE
    tokenizer.eos_token = END
    tokenizer.pad_token = tokenizer.pad_token or END
    model.config.eos_token_id = end
    model.config.pad_token_id = tokenizer.pad_token_id
    # The step marker ends an operator, not the answer, so only the end marker may stop `generate`.
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=end,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=model.config.bos_token_id,
        max_new_tokens=MAX_NEW_TOKENS,
    )


def average_with(model: Any, others: Sequence[ModelSource]) -> None:
    """Replace the model's weights by the mean of its own and the others', all weighted equally, in float32.

    Raises BadInput for a model whose weights have other names or shapes, and ModelUnavailable.
    """
    own = dict(model.named_parameters())
    total = {name: weight.detach().clone() for name, weight in own.items()}
    for source in others:
        theirs = dict(load_model(source, device="cpu", dtype=torch.float32).named_parameters())
        if {name: weight.shape for name, weight in theirs.items()} != {n: w.shape for n, w in own.items()}:
            raise BadInput(
                f"{source.name} cannot be averaged with this model, because its weights have other names or shapes; "
                "average models of one base"
            )
        for name, weight in theirs.items():
            total[name] += weight.detach()
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(total[name] / (1 + len(others)))
