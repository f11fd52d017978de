"""Bytes of a training, term by term.

Sources: V. Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models" (arXiv 2205.05198), for
the way activations are counted, here for Llama's block as transformers writes it; T. Dettmers et al., "QLoRA" (arXiv
2305.14314), for 4-bit weights; AdamW's two moments a weight in float32.
"""

from __future__ import annotations

from pipesql.finetune.plan.devices import Device
from pipesql.finetune.plan.shapes import Shape
from pipesql.finetune.recipe.recipe import Recipe

TARGET_SHARE = 0.5
"""Share of a pack's tokens that are targets, for which alone a CPU computes logits (Spider in layout tree: 0.5)."""
TILE = 4096 * 32_768
"""Logits that the fused head of TRL holds at a time on CUDA: tokens times entries of the vocabulary."""


def memory_terms(shape: Shape, recipe: Recipe, device: Device, checkpointing: bool, tokens: int) -> dict[str, float]:
    """Name of the term → bytes, for one forward and backward pass over `tokens` tokens; their sum is the peak.

    `tokens` are those of a device's batch as computed, padding included. With `checkpointing` a block's activations are
    computed again in the backward pass, and only its input is kept.
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
        # One layer at a time is brought back to the type it computes in.
        terms["a layer out of 4 bits"] = 2.0 * max(inputs * outputs for inputs, outputs in shape.linear.values())
    terms["process"] = device.reserve
    return terms


def _half(device: Device, recipe: Recipe) -> bool:
    """Whether the forward pass computes in two bytes."""
    able = device.kind == "cuda" or device.bf16
    return recipe.precision in ("bf16", "fp16") or (recipe.precision == "auto" and able)


def _weights(shape: Shape, recipe: Recipe, device: Device) -> float:
    """In float32 where they are trained or a CPU holds them; a frozen base on CUDA in two bytes; QLoRA's in 4 bits."""
    full = 4.0 if device.kind == "cpu" or not recipe.use_peft else 2.0
    if not recipe.load_in_4bit:
        return full * shape.parameters
    # A scale for 64 weights: of 4 bytes, or quantised once more to one byte with a float for 256 of them (QLoRA, §3).
    scale = (1 / 64 + 4 / (64 * 256)) if recipe.bnb_4bit_use_double_quant else 4 / 64
    return (0.5 + scale) * shape.block_parameters + (4.0 if device.kind == "cpu" else 2.0) * shape.other_parameters


def _optimizer(optim: str, trained: int) -> float:
    """Two moments a weight; of one byte each in the 8-bit optimizers; none or one for SGD."""
    if "adam" in optim:
        return (2.0 if "8bit" in optim else 8.0) * trained
    return 0.0 if optim == "sgd" else 8.0 * trained


def _working_copies(shape: Shape, recipe: Recipe, device: Device, trained: int) -> float:
    """Autocast keeps a copy of every float32 weight that it computes with until the pass is over."""
    if not _half(device, recipe):
        return 0.0
    if recipe.use_peft:
        return 2.0 * trained + (2.0 * shape.parameters if device.kind == "cpu" and not recipe.load_in_4bit else 0.0)
    return 2.0 * shape.parameters


def _layer_activations(shape: Shape, recipe: Recipe, device: Device) -> float:
    """Bytes a token that one block keeps for its backward pass, with attention that keeps no matrix of scores.

    In numbers of the type it computes in, as transformers writes the block: each RMSNorm its input in float32 and its
    normed value (in float32 too where its weight is trained); queries, keys and values behind their rotation, and what
    attention returns; SwiGLU three widths. A layer that is trained keeps its input. LoRA's in float32 is the block's
    own; in half of that PEFT makes a copy for each linear layer, and dropout makes one in any case, with a mask: of a
    byte, on CPUs of a float32.
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
    """Logits and their gradient. On CUDA in tiles of the fused head; on a CPU of the targets alone, in float32 beside
    what the pass computed."""
    if device.kind == "cuda":
        return 4.0 * min(tokens * shape.vocabulary, TILE)
    return 12.0 * tokens * TARGET_SHARE * shape.vocabulary
