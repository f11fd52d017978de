"""Which attention trains, by device and packing, and how a batch tells it who sees whom.

| packing | CPU | CUDA |
|---|---|---|
| `shared` | `stretches` | flex attention |
| `bfd` | `stretches` | flash-attention where it is installed, else sdpa |
| `none` | sdpa | sdpa |

Two of these are of our own making and known to transformers by name (`register`). They get what they need beside the
attention mask, which stays transformers' own: so the same model can generate in the midst of training, where a batch
brings neither stretches nor blocks and attention is plain sdpa.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipesql.errors import BadInput
from pipesql.finetune.attention.kernels import attend, stretches_between, stretches_of
from pipesql.finetune.data.packs import collate, stretch_tensors, tensors

STRETCHES = "pipesql_stretches"
FLEX = "pipesql_flex"
BLOCK = 128
"""Tokens in a block of flex attention: packs are padded to a multiple, so that few widths are compiled for."""

Collate = Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


@dataclass(frozen=True)
class Attention:
    """What was chosen. `implementation` is transformers' name for it, `said` one line for the terminal."""

    implementation: str
    device: str
    said: str

    def use_in(self, model: Any) -> None:
        """Make the model attend so."""
        register()
        model.set_attn_implementation(self.implementation)

    @property
    def collate(self) -> Collate:
        """The collator of packs (packing `shared`) for this attention."""
        match self.implementation:
            case "pipesql_stretches":
                return with_stretches
            case "pipesql_flex":
                return lambda packs: with_blocks(packs, self.device)
            case "eager":
                return with_added_mask
        return collate


def choose_attention(device: str, packing: str, wanted: str = "auto") -> Attention:
    """The attention for a device (`cpu`, `cuda` …), a recipe's `packing` and its `attn_implementation`.

    Raises BadInput where what the recipe wants is not here, or cannot compute that packing.
    """
    if wanted == "auto":
        implementation, why = _best(device.startswith("cuda"), packing)
    else:
        _check(device.startswith("cuda"), packing, wanted)
        # Flex attention gets its blocks from us: transformers would make them from a causal mask.
        implementation = FLEX if wanted == "flex_attention" and packing == "shared" else wanted
        why = "as the recipe says"
    return Attention(implementation, device, f"attention: {implementation.removeprefix('pipesql_')} ({why})")


def _best(cuda: bool, packing: str) -> tuple[str, str]:
    if packing == "none":
        return "sdpa", "for padded batches"
    if not cuda:
        return STRETCHES, "what a pack's mask allows and nothing else"
    if packing == "shared":
        if importlib.util.find_spec("triton"):
            return FLEX, "skips the blocks of a pack that its mask empties"
        return "sdpa", "with a mask of all pairs; with triton it would be flex"
    if _has_flash():
        return "flash_attention_2", "packed sequences by their lengths"
    return "sdpa", "with a mask of all pairs; with flash-attn it would be flash_attention_2"


def _check(cuda: bool, packing: str, wanted: str) -> None:
    if wanted == "flash_attention_2" and packing == "shared":
        raise BadInput(
            "attn_implementation flash_attention_2 knows causal order alone, and packs of packing shared need more: "
            "set attn_implementation: auto, or packing: bfd"
        )
    if wanted == "flash_attention_2" and not (cuda and _has_flash()):
        raise BadInput(
            "attn_implementation is flash_attention_2, which needs a CUDA device and the package flash-attn: "
            "install it, or set attn_implementation: auto"
        )
    if wanted == "flex_attention" and not cuda:
        raise BadInput(
            "attn_implementation is flex_attention, which has no gradient on a CPU: set attn_implementation: auto"
        )


def _has_flash() -> bool:
    return importlib.util.find_spec("flash_attn") is not None


def with_stretches(packs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch for the attention `STRETCHES`: no mask, but `stretches` of each pack."""
    return {**tensors(packs), "stretches": [stretches_of(pack["branch"], pack["trunk"]) for pack in packs]}


def with_blocks(packs: Sequence[Mapping[str, Any]], device: str) -> dict[str, Any]:
    """A batch for the attention `FLEX`: no mask, but `blocks`, a BlockMask on the device."""
    batch = tensors(packs, multiple=BLOCK)
    branch, trunk = (part.to(device) for part in stretch_tensors(packs, batch["input_ids"].shape[1]))
    return {**batch, "blocks": block_mask(branch, trunk)}


def with_added_mask(packs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch for eager attention, which adds its mask: 0 where a token may look, else the lowest float32."""
    batch = collate(packs)
    lowest = torch.finfo(torch.float32).min
    return {**batch, "attention_mask": torch.zeros(()).where(batch["attention_mask"], lowest)}


def block_mask(branch: torch.Tensor, trunk: torch.Tensor) -> Any:
    """Flex attention's mask of a batch (packs × tokens each): a token sees what came before it in its own stretch and
    in its trunk. Blocks that are empty are not computed."""
    from torch.nn.attention.flex_attention import create_block_mask

    def sees(pack: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        of = branch[pack, key]
        return (query >= key) & ((branch[pack, query] == of) | (trunk[pack, query] == of))

    packs, tokens = branch.shape
    return create_block_mask(sees, packs, None, tokens, tokens, device=branch.device, BLOCK_SIZE=BLOCK)


def register() -> None:
    """Make `STRETCHES` and `FLEX` known to transformers, with the masks of sdpa for batches that bring neither."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    for name, forward in ((STRETCHES, _stretches_forward), (FLEX, _flex_forward)):
        AttentionInterface.register(name, forward)
        AttentionMaskInterface.register(name, sdpa_mask)


def _stretches_forward(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> Any:
    """transformers' interface of an attention: heads first in `query`, tokens first in what comes back."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, bounds = options.pop("stretches", None), options.get("cu_seq_lens_q")
    if rows is None and bounds is not None:
        rows = [stretches_between(bounds)]  # TRL's packing: one row
    if rows is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    # Under autocast the rotary positions leave query and key in float32.
    query, key = query.to(value.dtype), key.to(value.dtype)
    return attend(query, key, value, rows, options.get("scaling"), options.get("dropout") or 0.0), None


def _flex_forward(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> Any:
    """As `_stretches_forward`, by flex attention."""
    from transformers.integrations.flex_attention import flex_attention_forward
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    blocks = options.pop("blocks", None)
    if blocks is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    query, key = query.to(value.dtype), key.to(value.dtype)
    return flex_attention_forward(module, query, key, value, blocks, **options)
