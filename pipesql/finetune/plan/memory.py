"""How much memory a training needs: a model's shape, and from it the bytes of each term.

Nothing is downloaded, and no weights are read. Sources: V. Korthikanti et al., "Reducing Activation Recomputation in
Large Transformer Models" (arXiv 2205.05198), for the count of activations, here for Llama's block as transformers
writes it; T. Dettmers et al., "QLoRA" (arXiv 2305.14314), for 4-bit weights; AdamW's two moments a weight in float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, InvalidFile, InvalidOption
from pipesql.finetune.plan.devices import Device
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.models.registry import HUB_PRESETS
from pipesql.models.tiny import tiny_source

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a block of Llama and of Qwen2: those of `target_modules: all-linear`."""


@dataclass(frozen=True)
class Shape:
    """The widths of a decoder like Llama (Llama, Qwen2, Mistral …), whose blocks are all alike."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool
    """Whether the output layer shares the embedding's weights."""
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
        """Weights of the linear layers of all blocks: QLoRA stores them in 4 bits, and they take most of the time."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear.values())

    @property
    def other_parameters(self) -> int:
        """Weights of the embedding, of an output layer with its own weights, norms and biases."""
        biases = (self.heads + 2 * self.kv_heads) * self.head_size if self.attention_bias else 0
        embeddings = (1 if self.tied else 2) * self.vocabulary * self.hidden
        return embeddings + self.layers * (2 * self.hidden + biases) + self.hidden

    @property
    def parameters(self) -> int:
        """All weights; a tied output layer counts once."""
        return self.block_parameters + self.other_parameters

    def adapter_parameters(self, rank: int, targets: str = "all-linear") -> int:
        """Weights of a LoRA adapter: rank × (inputs + outputs) of each layer that it adapts.

        `targets` is PEFT's `target_modules`: `all-linear` or the name of one layer. Raises InvalidOption for others.
        """
        chosen = LINEAR if targets == "all-linear" else tuple(name for name in LINEAR if name == targets)
        if not chosen:
            raise InvalidOption(
                f"target_modules is {targets!r}, which a forecast does not know; use all-linear or one of "
                f"{', '.join(LINEAR)}"
            )
        return self.layers * sum(rank * sum(self.linear[name]) for name in chosen)


QWEN = {
    "0.5b": Shape(896, 24, 14, 2, 64, 4864, 151_936, True, True),
    "1.5b": Shape(1536, 28, 12, 2, 128, 8960, 151_936, True, True),
    "3b": Shape(2048, 36, 16, 2, 128, 11_008, 151_936, True, True),
    "7b": Shape(3584, 28, 28, 4, 128, 18_944, 152_064, False, True),
}
"""Qwen2.5-Coder by size, from its published configurations."""
SMOL = Shape(576, 30, 9, 3, 64, 1536, 49_152, True, False)
"""SmolLM2-135M, from its published configuration."""
TYPES = ("llama", "qwen2", "mistral")
"""Values of `model_type` that Shape describes."""


def shape_of(model: str) -> Shape:
    """The shape of a model: a preset, a folder, or a hub id whose configuration is in the cache.

    Raises BadInput where it cannot be known without a download.
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
            f"the shape of model {model!r} is unknown; use one of {', '.join(['tiny', 'smol', *QWEN])}, a folder with "
            f"its config.json, or fetch only that file with `hf download {name} config.json`"
        )
    return Path(found)


def _read(path: Path) -> Shape:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise InvalidFile(f"the model configuration {path} cannot be read ({e}); download the model again") from e
    return shape_from(config, str(path))


def shape_from(config: Mapping[str, Any], where: str) -> Shape:
    """The shape in a model's configuration (as in its config.json). Raises InvalidFile, naming `where`."""
    kind = config.get("model_type")
    if kind not in TYPES:
        raise InvalidFile(
            f"{where} has model_type {kind!r}, whose memory cannot be forecast; use a model of type {', '.join(TYPES)}"
        )
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
        raise InvalidFile(f"{where} lacks settings of a {kind} model ({e}); download the model again") from e


USABLE_MEMORY = 0.92
"""The share of a device's memory that a forecast may fill, because forecasts err."""
TARGET_SHARE = 0.5
"""Share of a pack's tokens that are targets; a CPU computes logits only for them (Spider in layout tree: 0.5)."""
TILE = 4096 * 32_768
"""Logits that TRL's fused head holds at a time on CUDA: tokens times entries of the vocabulary."""


def memory_terms(shape: Shape, recipe: Recipe, device: Device, checkpointing: bool, tokens: int) -> dict[str, float]:
    """Name of the term → bytes, for one forward and backward pass over `tokens` tokens; the sum is the peak.

    `tokens` counts a device's batch, padding included. With `checkpointing` a block's activations are computed again
    in the backward pass, and only its input is kept.
    """
    trained = shape.adapter_parameters(recipe.r, recipe.target_modules) if recipe.use_peft else shape.parameters
    terms = {"weights": _weights(shape, recipe, device), "optimizer": _optimizer(recipe.optim, trained)}
    if recipe.use_peft:
        terms["adapter"] = 4.0 * trained
    terms["gradients"] = 4.0 * trained
    copies = _working_copies(shape, recipe, device, trained)
    if copies:
        terms["copies in bfloat16"] = copies
    layer, width = _layer_activations(shape, recipe, device), 2 if _half(device, recipe) else 4
    kept = shape.layers * shape.hidden * width if checkpointing else 0
    terms["activations"] = float(tokens * (kept + layer * (1 if checkpointing else shape.layers)))
    terms["logits"] = _logits(shape, recipe, device, tokens)
    if recipe.load_in_4bit:
        # One layer at a time is converted to the type that it computes in.
        terms["a layer out of 4 bits"] = 2.0 * max(inputs * outputs for inputs, outputs in shape.linear.values())
    terms["process"] = device.reserve
    return terms


def _half(device: Device, recipe: Recipe) -> bool:
    """Whether the forward pass computes in two bytes."""
    able = device.kind == "cuda" or device.bf16
    return recipe.precision in ("bf16", "fp16") or (recipe.precision == "auto" and able)


def _weights(shape: Shape, recipe: Recipe, device: Device) -> float:
    """Trained weights and weights on a CPU are in float32, a frozen base on CUDA in two bytes, QLoRA's in 4 bits."""
    full = 4.0 if device.kind == "cpu" or not recipe.use_peft else 2.0
    if not recipe.load_in_4bit:
        return full * shape.parameters
    # One scale for 64 weights: 4 bytes, or quantised again to one byte with a float for 256 scales (QLoRA, §3).
    scale = (1 / 64 + 4 / (64 * 256)) if recipe.bnb_4bit_use_double_quant else 4 / 64
    return (0.5 + scale) * shape.block_parameters + (4.0 if device.kind == "cpu" else 2.0) * shape.other_parameters


def _optimizer(optim: str, trained: int) -> float:
    """Two moments a weight, one byte each in 8-bit optimizers; none for SGD."""
    if "adam" in optim:
        return (2.0 if "8bit" in optim else 8.0) * trained
    return 0.0 if optim == "sgd" else 8.0 * trained


def _working_copies(shape: Shape, recipe: Recipe, device: Device, trained: int) -> float:
    """Autocast keeps a copy of every float32 weight that it computes with, until the end of the pass."""
    if not _half(device, recipe):
        return 0.0
    if recipe.use_peft:
        return 2.0 * trained + (2.0 * shape.parameters if device.kind == "cpu" and not recipe.load_in_4bit else 0.0)
    return 2.0 * shape.parameters


def _layer_activations(shape: Shape, recipe: Recipe, device: Device) -> float:
    """Bytes a token that one block keeps for its backward pass, with attention that keeps no matrix of scores.

    As transformers writes the block: each RMSNorm keeps its input in float32 and its normed value (in float32 too where
    its weight is trained); attention keeps rotated queries and keys, values, and its output; SwiGLU keeps three widths.
    A trained layer keeps its input. LoRA in float32 uses the block's own input; in half precision PEFT copies it for
    each linear layer, and dropout always copies it, with a mask: one byte an element, on CPUs a float32.
    """
    half = _half(device, recipe)
    queries, keys, width = shape.heads * shape.head_size, shape.kv_heads * shape.head_size, 2 if half else 4
    norms = 2 * (4.0 + (width if recipe.use_peft else 4)) * shape.hidden
    kept = norms + width * (2 * queries + 2 * keys + 3 * shape.intermediate)
    inputs = float(sum(inputs for inputs, _ in shape.linear.values()))
    if recipe.use_peft and (half or recipe.lora_dropout):
        mask = 1 if device.kind == "cuda" else 4
        kept += inputs * (width + (mask if recipe.lora_dropout else 0))
    else:
        # q, k and v share one input, gate and up another; o's is what attention returned.
        kept += width * (2 * shape.hidden + shape.intermediate)
    return kept + (width * len(shape.linear) * recipe.r if recipe.use_peft else 0)


def _logits(shape: Shape, recipe: Recipe, device: Device, tokens: int) -> float:
    """Logits and their gradient: on CUDA in tiles of the fused head; on a CPU for the targets only, in float32 beside
    those that the pass computed."""
    if device.kind == "cuda":
        return 4.0 * min(tokens * shape.vocabulary, TILE)
    return 12.0 * tokens * TARGET_SHARE * shape.vocabulary


def choose_checkpointing(config: Mapping[str, Any], recipe: Recipe, device: Device, longest: int) -> tuple[bool, str]:
    """Whether activations are computed again in the backward pass, and a line that says why.

    `config` is the model's configuration, `longest` the tokens of its longest row. `activation_checkpointing: auto`
    turns it on where a training without it does not fit in memory, and for a model of unknown shape: it is a third
    slower, but does not run out of memory.
    """
    if recipe.activation_checkpointing != "auto":
        return recipe.activation_checkpointing == "on", ""
    try:
        shape = shape_from(config, "the model")
    except BadInput as unknown:
        return True, f"activation checkpointing: on ({unknown})"
    tokens = longest * recipe.per_device_train_batch_size
    needed = sum(memory_terms(shape, recipe, device, False, tokens).values())
    if needed <= USABLE_MEMORY * device.memory:
        return False, ""
    return True, f"activation checkpointing: on (without it {needed / 1e9:.1f} GB of {device.memory / 1e9:.1f} GB)"
