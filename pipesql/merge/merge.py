"""Adapter and base become one model, checked against the pair that it came from. A model all of whose weights were
trained is one already.

The base is the one that the adapter recorded when it was trained, never one that somebody names; it is loaded again in
float32 (merging into 4-bit weights rounds the adapter away). Merged and unmerged logits must agree before the
model is stored.

With a strength below 1 the merged weights lie on the way from the base's to the trained ones (WiSE-FT, Wortsman et al.
2022), where a model is often the better on what it was not trained on: surer than it has reason to be is one that was
trained long on little.

The mean of several models' weights: where they were trained from the same start, it is often better on what none of
them was trained on than each of them (model soups, Wortsman et al. 2022).
"""

from __future__ import annotations

import json
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
from pipesql.errors import BadInput, PipesqlError
from pipesql.merge.compatibility import is_whole_model, require_fit
from pipesql.merge.logit_check import example_sequences, largest_difference, logits, quantised_logits
from pipesql.models import ModelSource, resolve_model
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
    """Layout of the samples that it was trained on, so the way in which it must be asked (`inference.config`)."""
    difference: float
    """Largest difference of a logit between the merged model and base + adapter."""
    effect: float
    """Largest difference of a logit that training makes to the base: near 0 where it changed nothing."""
    parameters: int
    adapter_parameters: int
    seconds: float
    strength: float = 1.0
    """How much of what was learnt is in the merged model."""
    averaged: tuple[str, ...] = ()
    """Models with whose weights those of the merged one were averaged."""
    quantised_difference: float | None = None
    """Largest difference of a logit between the merged model and the adapter on the base in 4 bits that it was trained
    on; None for other adapters. It says how much the 4 bits had changed, and is no fault."""

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
        weaker = "" if self.strength == 1 else f" at strength {self.strength:g}"
        averaged = f", averaged with {' and '.join(self.averaged)}" if self.averaged else ""
        return (
            f"{self.recipe} merged into {self.base.description}{weaker}{averaged}; "
            f"largest difference of a logit {self.difference:.2g}"
        )

    @property
    def bytes(self) -> int:
        """Size of the weights as they will be stored."""
        return sum(p.numel() * p.element_size() for p in self.model.parameters())

    def size_rows(self) -> list[dict[str, Any]]:
        """A table of what was merged into what, with sizes: one row for base, adapter and merged model each."""
        weights = self.bytes // self.parameters
        return [
            {"part": part, "parameters": count, "share": round(count / self.parameters, 4), "megabytes": size / 1e6}
            for part, count, size in (
                (f"base {self.base.name}", self.parameters, self.parameters * weights),
                ("adapter", self.adapter_parameters, self.adapter_parameters * 4),
                (f"merged ({self.model.dtype})", self.parameters, self.bytes),
            )
        ]


def recorded_base(adapter: Path) -> tuple[ModelSource, str, str]:
    """Base model, recipe and layout that an adapter folder recorded in `base.json`; the base's contents are checked.

    Raises BadInput for a folder without a usable record and ModelUnavailable where the base is gone or has changed.
    """
    path = adapter / "base.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        model, digest, recipe, layout = (str(record[key]) for key in ("model", "digest", "recipe", "layout"))
    except OSError as error:
        raise BadInput(f"{adapter} is no adapter of pipesql: {path.name} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path} does not name model, digest, recipe and layout ({error}); train again to get a whole adapter"
        ) from error
    return resolve_model(model, digest=digest), recipe, layout


def merge(adapter: Path, strength: float = 1.0, average: Sequence[ModelSource] = ()) -> Merged:
    """Merge the adapter in that folder into its base, on the CPU in float32, and prove it on example prompts.

    A folder that holds a whole model instead (`"method": "full"`) is that model. `strength`, above 0 and at most 1, is
    how much of the change from the base is merged; then the weights are averaged with those of the models `average`.

    The result's tokenizer carries our chat template, its generation is greedy and stops at the end marker alone.
    Raises BadInput (no usable adapter or strength), ModelUnavailable (no base) and PipesqlError where the logits
    disagree.
    """
    if not 0 < strength <= 1:
        raise BadInput(f"strength is {strength:g}: it must be above 0 and at most 1, all that was learnt")
    start = time.monotonic()
    source, recipe, layout = recorded_base(adapter)
    tokenizer = _tokenizer(adapter)
    sequences = example_sequences(tokenizer)
    base = load_model(source, device="cpu", dtype=torch.float32)
    untrained = logits(base, sequences)
    if is_whole_model(adapter):
        folder = ModelSource(str(adapter), adapter, "", "a whole fine-tuned model")
        model = load_model(folder, device="cpu", dtype=torch.float32)
        _draw_near(model, base, strength)
        expected, trained = logits(model, sequences), sum(p.numel() for p in model.parameters())
    else:
        require_fit(adapter, base)
        tuned = _with_adapter(base, adapter)
        _weaken(tuned, strength)
        expected = logits(tuned, sequences)
        trained = sum(p.numel() for n, p in tuned.named_parameters() if "lora_" in n)
        model = tuned.merge_and_unload().eval()
    effect = largest_difference(expected, untrained)
    difference = largest_difference(expected, logits(model, sequences))
    if not difference <= TOLERANCE:  # `not <=` also catches a difference that is no number
        raise PipesqlError(
            f"merging {adapter} into {source.name} changed a logit by {difference:.3g}, more than {TOLERANCE:g}; "
            "the adapter does not fit this base or holds numbers that are not finite: train it again"
        )
    average_with(model, average)
    quantised = None if is_whole_model(adapter) or strength < 1 else quantised_logits(adapter, source, sequences)
    prepare_for_use(model, tokenizer)
    return Merged(
        model=model,
        tokenizer=tokenizer,
        base=source,
        recipe=recipe,
        layout=layout,
        difference=difference,
        effect=effect,
        parameters=sum(p.numel() for p in model.parameters()),
        adapter_parameters=trained,
        seconds=time.monotonic() - start,
        strength=strength,
        averaged=tuple(source.description for source in average),
        quantised_difference=None if quantised is None else largest_difference(expected, quantised),
    )


def _tokenizer(adapter: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(adapter, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{adapter} holds no tokenizer that can be loaded; train again to get a whole adapter"
        ) from error


def _with_adapter(model: Any, adapter: Path) -> Any:
    try:
        return PeftModel.from_pretrained(model, str(adapter), local_files_only=True).eval()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"the adapter in {adapter} cannot be put on its base: {reason}; train it again") from error


def _weaken(tuned: Any, strength: float) -> None:
    """Let the adapter count for so much of itself."""
    for module in tuned.modules():
        if isinstance(module, LoraLayer):
            module.scale_layer(strength)


def _draw_near(model: Any, base: Any, strength: float) -> None:
    """Move a whole model towards its base, where only so much of the way between is wanted."""
    with torch.no_grad():
        for (name, weight), (of_base, start) in zip(model.named_parameters(), base.named_parameters(), strict=True):
            assert name == of_base
            weight.copy_(torch.lerp(start, weight, strength))


def prepare_for_use(model: Any, tokenizer: Any) -> None:
    """Everything that a program which only loads the saved folder needs: dtype, template, when to stop."""
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
    """Give the model the mean of its own weights and those of the others, each weighing the same, in float32.

    Raises BadInput for a model whose weights have other names or shapes, and ModelUnavailable.
    """
    own = dict(model.named_parameters())
    total = {name: weight.detach().clone() for name, weight in own.items()}
    for source in others:
        theirs = dict(load_model(source, device="cpu", dtype=torch.float32).named_parameters())
        if {name: weight.shape for name, weight in theirs.items()} != {n: w.shape for n, w in own.items()}:
            raise BadInput(f"{source.name} cannot be averaged with this model: its weights have other names or shapes")
        for name, weight in theirs.items():
            total[name] += weight.detach()
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(total[name] / (1 + len(others)))
