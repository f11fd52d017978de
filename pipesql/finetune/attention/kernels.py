"""Attention on a CPU that computes what a pack's mask allows and nothing else.

A pack is a row of stretches: trunks, and branches that each see one trunk and themselves; a sequence that is merely
packed is a trunk without branches. Attention under a mask of all pairs computes what the mask then throws away: nine
tenths, in a pack of 1,280 tokens. Here every stretch is a small causal attention of its own, a branch's over its
trunk's keys and its own.

Fused kernels on CUDA, where the package liger-kernel is installed (extra `cuda`): RMSNorm, rotary positions, SwiGLU.

The loss is left alone: TRL's own head is fused already. TRL's `use_liger_kernel` is deprecated, and the kernels of the
hub that it recommends are fetched over the network at run time, which training here never does.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

Stretches = Sequence[tuple[int, int]]
"""(length, trunk) of each stretch in the order of the pack: `trunk` is the number of the stretch that it sees beside
itself, or its own number."""


def stretches_of(branch: Sequence[int], trunk: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of a pack, from its tokens' `branch` and `trunk`, which number them from 0 in their order."""
    found = itertools.groupby(zip(branch, trunk, strict=True))
    return [(len(list(tokens)), seen) for (_, seen), tokens in found]


def stretches_between(bounds: torch.Tensor) -> list[tuple[int, int]]:
    """The stretches of packed sequences, from where each begins and the last one ends (`cu_seq_lens_q`)."""
    lengths = (bounds[1:] - bounds[:-1]).tolist()
    return [(length, number) for number, length in enumerate(lengths)]


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rows: Sequence[Stretches],
    scaling: float | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Attention of a batch: `query` (rows × heads × tokens × width), `key` and `value` with as many heads or a divisor.

    `rows` are the stretches of each row; what stands behind them is padding, whose output means nothing. Returns
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
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, row: Stretches, options: dict[str, Any]
) -> torch.Tensor:
    lengths = [length for length, _ in row]
    lengths.append(query.shape[2] - sum(lengths))  # padding
    # Split at once: the gradient of a slice is as large as the whole, those of a split are put together once.
    queries, keys, values = (torch.split(whole, lengths, dim=2) for whole in (query, key, value))
    out = []
    for number, (length, trunk) in enumerate(row):
        if trunk == number:
            one = scaled_dot_product_attention(queries[number], keys[number], values[number], is_causal=True, **options)
        else:
            seen = torch.cat((keys[trunk], keys[number]), dim=2)
            held = torch.cat((values[trunk], values[number]), dim=2)
            width = seen.shape[2]
            mask = torch.ones(length, width, dtype=torch.bool, device=query.device).tril(width - length)
            one = scaled_dot_product_attention(queries[number], seen, held, attn_mask=mask, **options)
        out.append(one)
    return torch.cat((*out, values[-1]), dim=2)


PATCHES = {"llama": "apply_liger_kernel_to_llama", "qwen2": "apply_liger_kernel_to_qwen2"}
"""`model_type` of a configuration → the function of `liger_kernel.transformers` that fits it."""


def use_fused_kernels(model: Any, device: str) -> str:
    """Give a model on CUDA fused kernels if they are here, before an adapter is put on it; one line that says so.

    The rotary positions are exchanged for every model of that architecture in this process, so none of them can run
    on the CPU from then on.
    """
    if not device.startswith("cuda"):
        return ""
    if not importlib.util.find_spec("liger_kernel"):
        return "kernels: torch's own; pip install 'pipesql[cuda]' brings fused ones"
    name = PATCHES.get(model.config.model_type)
    if name is None:
        return f"kernels: torch's own; liger-kernel is not used for models of type {model.config.model_type}"
    patch = getattr(importlib.import_module("liger_kernel.transformers"), name)
    patch(rope=True, rms_norm=True, swiglu=True, cross_entropy=False, fused_linear_cross_entropy=False, model=model)
    return "kernels: liger-kernel for RMSNorm, rotary positions and SwiGLU"
