"""Attention that computes only what a pack's mask allows.

A pack is a row of segments: shared prefixes, and continuations that each attend to one shared prefix and to themselves.
A sequence that is merely packed is a shared prefix without continuations. Attention under a mask of all pairs computes
much that the mask then discards: nine tenths, in a pack of 1,280 tokens.

Two implementations are registered with transformers by name. `SEGMENTS`, for CPUs, computes a small causal attention
for every segment, over the keys of its shared prefix and its own. `FLEX`, for CUDA, gives flex attention a block mask.
Both get `segments` or `blocks` beside the attention mask of transformers. Without them, attention is plain sdpa, so the
same model can also generate while it is trained.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

SEGMENTS = "pipesql_segments"
FLEX = "pipesql_flex"
BLOCK = 128
"""Tokens in a block of flex attention: packs are padded to a multiple, so that few widths are compiled."""

Segments = Sequence[tuple[int, int]]
"""(length, prefix) of each segment in the order of the pack: `prefix` is the number of the shared prefix to which it
attends, its own number for a shared prefix."""


def segments_of(segment: Sequence[int], prefix: Sequence[int]) -> list[tuple[int, int]]:
    """The segments of a pack, from the `segment` and `prefix` of its tokens."""
    found = itertools.groupby(zip(segment, prefix, strict=True))
    return [(len(list(tokens)), shared) for (_, shared), tokens in found]


def segments_between(bounds: torch.Tensor) -> list[tuple[int, int]]:
    """The segments of packed sequences, from the start of each and the end of the last (`cu_seq_lens_q`)."""
    lengths = (bounds[1:] - bounds[:-1]).tolist()
    return [(length, number) for number, length in enumerate(lengths)]


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rows: Sequence[Segments],
    scaling: float | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Attention of a batch: `query` (rows × heads × tokens × width); `key` and `value` may have fewer heads, a divisor.

    `rows` are the segments of each row; tokens after them are padding, and their output has no meaning. Returns
    rows × tokens × heads × width.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    out = [
        _attend_row(query[n : n + 1], key[n : n + 1], value[n : n + 1], row, {"scale": scaling, "dropout_p": dropout})
        for n, row in enumerate(rows)
    ]
    return torch.cat(out).transpose(1, 2).contiguous()


def _attend_row(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, row: Segments, options: dict[str, Any]
) -> torch.Tensor:
    lengths = [length for length, _ in row]
    lengths.append(query.shape[2] - sum(lengths))  # padding
    # One split: the gradient of a slice is as large as the whole tensor, those of a split are joined once.
    queries, keys, values = (torch.split(whole, lengths, dim=2) for whole in (query, key, value))
    out = []
    for number, (length, prefix) in enumerate(row):
        if prefix == number:
            one = scaled_dot_product_attention(queries[number], keys[number], values[number], is_causal=True, **options)
        else:
            both_keys = torch.cat((keys[prefix], keys[number]), dim=2)
            both_values = torch.cat((values[prefix], values[number]), dim=2)
            width = both_keys.shape[2]
            mask = torch.ones(length, width, dtype=torch.bool, device=query.device).tril(width - length)
            one = scaled_dot_product_attention(queries[number], both_keys, both_values, attn_mask=mask, **options)
        out.append(one)
    return torch.cat((*out, values[-1]), dim=2)


def block_mask(segment: torch.Tensor, prefix: torch.Tensor) -> Any:
    """Flex attention's mask of a batch (packs × tokens each): a token attends to those before it in its own segment and
    in its shared prefix. Empty blocks are not computed."""
    from torch.nn.attention.flex_attention import create_block_mask

    def attends(pack: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        of_key = segment[pack, key]
        return (query >= key) & ((segment[pack, query] == of_key) | (prefix[pack, query] == of_key))

    packs, tokens = segment.shape
    return create_block_mask(attends, packs, None, tokens, tokens, device=segment.device, BLOCK_SIZE=BLOCK)


def register() -> None:
    """Register `SEGMENTS` and `FLEX` with transformers, with sdpa's masks for batches without segments or blocks."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    for name, forward in ((SEGMENTS, _segments_forward), (FLEX, _flex_forward)):
        AttentionInterface.register(name, forward)
        AttentionMaskInterface.register(name, sdpa_mask)


def _segments_forward(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> Any:
    """transformers' interface of an attention: heads first in `query`, tokens first in what comes back."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, bounds = options.pop("segments", None), options.get("cu_seq_lens_q")
    if rows is None and bounds is not None:
        rows = [segments_between(bounds)]  # TRL's packing: one row
    if rows is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    # Under autocast the rotary positions leave query and key in float32.
    query, key = query.to(value.dtype), key.to(value.dtype)
    return attend(query, key, value, rows, options.get("scaling"), options.get("dropout") or 0.0), None


def _flex_forward(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> Any:
    """As `_segments_forward`, by flex attention."""
    from transformers.integrations.flex_attention import flex_attention_forward
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    blocks = options.pop("blocks", None)
    if blocks is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    query, key = query.to(value.dtype), key.to(value.dtype)
    return flex_attention_forward(module, query, key, value, blocks, **options)
