"""How large a model is, from its shape alone: no weights are read, and nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput
from pipesql.models.registry import HUB_PRESETS
from pipesql.models.tiny import tiny_source

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a block of Llama and of Qwen2, which `target_modules: all-linear` means."""


@dataclass(frozen=True)
class Shape:
    """A decoder of Llama's kind (Llama, Qwen2, Mistral …): widths in numbers, one block as the other."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool
    """Whether the output layer is the embedding."""
    attention_bias: bool

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Linear layer of a block → (inputs, outputs)."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        return {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def block_parameters(self) -> int:
        """Weights of the linear layers of all blocks: what is put into 4 bits, and what computing time goes into."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear.values())

    @property
    def other_parameters(self) -> int:
        """Embedding, output layer where it is its own, norms and biases."""
        biases = (self.heads + 2 * self.kv_heads) * self.head_size if self.attention_bias else 0
        embeddings = (1 if self.tied else 2) * self.vocabulary * self.hidden
        return embeddings + self.layers * (2 * self.hidden + biases) + self.hidden

    @property
    def parameters(self) -> int:
        """All weights; a tied output layer is counted once."""
        return self.block_parameters + self.other_parameters

    def adapter_parameters(self, rank: int, targets: str = "all-linear") -> int:
        """Weights of a LoRA adapter: rank × (inputs + outputs) of each layer that it is put on.

        `targets` is PEFT's `target_modules`: `all-linear` or the end of one layer's name. Raises BadInput for others.
        """
        chosen = LINEAR if targets == "all-linear" else tuple(name for name in LINEAR if name == targets)
        if not chosen:
            raise BadInput(f"target_modules is {targets!r}; plan knows all-linear and {', '.join(LINEAR)}")
        return self.layers * sum(rank * sum(self.linear[name]) for name in chosen)


QWEN = {
    "0.5b": Shape(896, 24, 14, 2, 64, 4864, 151_936, True, True),
    "1.5b": Shape(1536, 28, 12, 2, 128, 8960, 151_936, True, True),
    "3b": Shape(2048, 36, 16, 2, 128, 11_008, 151_936, True, True),
    "7b": Shape(3584, 28, 28, 4, 128, 18_944, 152_064, False, True),
}
"""Qwen2.5-Coder by size, from the configurations that its authors published with the weights."""
SMOL = Shape(576, 30, 9, 3, 64, 1536, 49_152, True, False)
"""SmolLM2-135M, likewise."""
TYPES = ("llama", "qwen2", "mistral")
"""Values of `model_type` whose blocks are those of Shape."""


def shape_of(model: str) -> Shape:
    """The shape of a model as `train` names it: a preset, a folder, or a hub id whose configuration is in the cache.

    Raises BadInput where it is not known without downloading.
    """
    known = {**QWEN, "smol": SMOL, **{HUB_PRESETS[size]: shape for size, shape in QWEN.items()}}
    if model in known:
        return known[model]
    if model == "tiny":
        return _read(tiny_source().path / "config.json")
    if model and (folder := Path(model).expanduser()).is_dir():
        return _read(folder / "config.json")
    return _read(_cached(model))


def _cached(model: str) -> Path:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name, _, revision = model.partition("@")
    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision or None)
    except HFValidationError:
        found = None
    if not isinstance(found, str):
        raise BadInput(
            f"the shape of {model!r} is not known here: give {', '.join(['tiny', 'smol', *QWEN])}, a folder with its "
            f"config.json, or fetch that file alone by `hf download {name} config.json`"
        )
    return Path(found)


def _read(path: Path) -> Shape:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise BadInput(f"{path} is no configuration of a model ({e})") from e
    return shape_from(config, str(path))


def shape_from(config: Mapping[str, Any], where: str) -> Shape:
    """The shape that a model's configuration (as in its config.json) describes. Raises BadInput, naming `where`."""
    kind = config.get("model_type")
    if kind not in TYPES:
        raise BadInput(f"{where}: plan knows the shapes of {', '.join(TYPES)}, not of model_type {kind!r}")
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return Shape(
            hidden=hidden,
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or hidden // heads),
            intermediate=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", False)),
            attention_bias=kind == "qwen2" or bool(config.get("attention_bias", False)),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise BadInput(f"{where} lacks what the shape of a {kind} model is read from ({e})") from e
