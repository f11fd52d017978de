"""Which attention and kernels train, by device and packing, and how a batch tells the attention about its packs.

| packing | CPU | CUDA |
|---|---|---|
| `shared` | `segments` | flex attention |
| `bfd` | `segments` | flash-attention where it is installed, else sdpa |
| `none` | sdpa | sdpa |

The implementations `segments` and flex for packs are our own (`attention.segments`). On CUDA the package liger-kernel
(extra `cuda`) adds fused kernels for RMSNorm, rotary positions and SwiGLU, but not for the loss, since TRL's own head
is fused already. TRL's `use_liger_kernel` is deprecated, and the kernels of the hub that it recommends are fetched over
the network at run time, which training here never does.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipesql.errors import InvalidOption
from pipesql.finetune.attention.segments import BLOCK, FLEX, SEGMENTS, block_mask, register, segments_of
from pipesql.finetune.data.packs import collate, segment_tensors, tensors

Collate = Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


@dataclass(frozen=True)
class Attention:
    """The choice: transformers' name of the implementation, and a line about it for the terminal."""

    implementation: str
    device: str
    line: str

    def use_in(self, model: Any) -> None:
        """Set the model's attention."""
        register()
        model.set_attn_implementation(self.implementation)

    @property
    def collate(self) -> Collate:
        """The collator of packs (packing `shared`) for this attention."""
        if self.implementation == SEGMENTS:
            return with_segments
        if self.implementation == FLEX:
            return lambda packs: with_blocks(packs, self.device)
        return with_added_mask if self.implementation == "eager" else collate


def choose_attention(device: str, packing: str, wanted: str = "auto") -> Attention:
    """The attention for a device (`cpu`, `cuda` …), a recipe's `packing` and its `attn_implementation`.

    Raises InvalidOption where the recipe's implementation is missing here, or cannot compute its packing.
    """
    if wanted == "auto":
        implementation, why = _best(device.startswith("cuda"), packing)
    else:
        _check(device.startswith("cuda"), packing, wanted)
        # Flex attention gets its blocks from us; transformers would make them from a causal mask.
        implementation = FLEX if wanted == "flex_attention" and packing == "shared" else wanted
        why = "set by the recipe"
    return Attention(implementation, device, f"attention: {implementation.removeprefix('pipesql_')} ({why})")


def _best(cuda: bool, packing: str) -> tuple[str, str]:
    if packing == "none":
        return "sdpa", "for padded batches"
    if not cuda:
        return SEGMENTS, "only what a pack's mask allows"
    if packing == "shared":
        if importlib.util.find_spec("triton"):
            return FLEX, "skips the blocks that a pack's mask leaves empty"
        return "sdpa", "with a mask of all pairs; install triton for flex attention"
    if _has_flash():
        return "flash_attention_2", "packed sequences by length"
    return "sdpa", "with a mask of all pairs; install flash-attn for flash_attention_2"


def _check(cuda: bool, packing: str, wanted: str) -> None:
    if wanted == "flash_attention_2" and packing == "shared":
        raise InvalidOption(
            "attn_implementation flash_attention_2 cannot compute packing shared, because it has causal masks only; "
            "set attn_implementation: auto, or packing: bfd"
        )
    if wanted == "flash_attention_2" and not (cuda and _has_flash()):
        raise InvalidOption(
            "attn_implementation flash_attention_2 needs a CUDA device and the package flash-attn; "
            "install it, or set attn_implementation: auto"
        )
    if wanted == "flex_attention" and not cuda:
        raise InvalidOption(
            "attn_implementation flex_attention has no gradient on a CPU; set attn_implementation: auto"
        )


def _has_flash() -> bool:
    return importlib.util.find_spec("flash_attn") is not None


def with_segments(packs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch for the attention `SEGMENTS`: instead of a mask, the `segments` of each pack."""
    return {**tensors(packs), "segments": [segments_of(pack["segment"], pack["prefix"]) for pack in packs]}


def with_blocks(packs: Sequence[Mapping[str, Any]], device: str) -> dict[str, Any]:
    """A batch for the attention `FLEX`: instead of a mask, `blocks`, a BlockMask on the device."""
    batch = tensors(packs, multiple=BLOCK)
    segment, prefix = (part.to(device) for part in segment_tensors(packs, batch["input_ids"].shape[1]))
    return {**batch, "blocks": block_mask(segment, prefix)}


def with_added_mask(packs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch for eager attention, which adds its mask: 0 where a token attends, else the lowest float32."""
    batch = collate(packs)
    lowest = torch.finfo(torch.float32).min
    return {**batch, "attention_mask": torch.zeros(()).where(batch["attention_mask"], lowest)}


PATCHES = {"llama": "apply_liger_kernel_to_llama", "qwen2": "apply_liger_kernel_to_qwen2"}
"""`model_type` of a configuration → its function in `liger_kernel.transformers`."""


def use_fused_kernels(model: Any, device: str) -> str:
    """Give a model on CUDA fused kernels where they are installed, before it gets an adapter; returns a line about it.

    The rotary positions are replaced for every model of that architecture in this process, so none of them can run on
    the CPU afterwards.
    """
    if not device.startswith("cuda"):
        return ""
    if not importlib.util.find_spec("liger_kernel"):
        return "kernels: torch's own; pip install 'pipesql[cuda]' adds fused ones"
    name = PATCHES.get(model.config.model_type)
    if name is None:
        return f"kernels: torch's own, as liger-kernel is not used for models of type {model.config.model_type}"
    patch = getattr(importlib.import_module("liger_kernel.transformers"), name)
    patch(rope=True, rms_norm=True, swiglu=True, cross_entropy=False, fused_linear_cross_entropy=False, model=model)
    return "kernels: liger-kernel for RMSNorm, rotary positions and SwiGLU"
