"""`python -m experiments.gpu.attention`: one layer's attention over packs that share prompts, by size of the pack.

Forward and backward of sdpa under a mask of all pairs, of eager attention, and of flex attention over the pack's
blocks, with the heads of Qwen2.5-1.5B, in bfloat16. Packs are real ones of the pairs given, laid end to end up to the
size. On a CPU (--tiny) flex attention is replaced by `segments`, which trains there.

    python -m experiments.gpu.attention --data output/data/FOLDER --out attention.json
    python -m experiments.gpu.attention --tiny
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.pairs import add_arguments, drawn, rows
from pipesql.finetune.attention.choose import choose_attention
from pipesql.finetune.attention.segments import FLEX, SEGMENTS, register
from pipesql.finetune.data.dataset import pack_rows
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.models import resolve_model
from pipesql.models.load import choose_device, load_tokenizer
from pipesql.storage import write_json

SIZES = (1024, 2048, 4096, 8192, 16384)
HEADS, GROUPS, WIDTH = 12, 2, 128
"""Heads of queries and of keys in Qwen2.5-1.5B, and their width."""
ROUNDS = 10


class Layer(torch.nn.Module):
    """What transformers' attention functions ask of the module that calls them."""

    is_causal = True
    num_key_value_groups = HEADS // GROUPS


def milliseconds(name: str, packs: Sequence[Mapping[str, Any]], device: str, rounds: int) -> tuple[float, float]:
    """Median time of forward and backward over one pack, and the peak memory in GB (0 on a CPU)."""
    from transformers import AttentionInterface
    from transformers.models.qwen2.modeling_qwen2 import eager_attention_forward

    choice = choose_attention(device, "shared", {FLEX: "flex_attention", SEGMENTS: "auto"}.get(name, name))
    batch = choice.collate(packs)
    tokens, cuda = batch["input_ids"].shape[1], device.startswith("cuda")
    dtype = torch.bfloat16 if cuda else torch.float32
    torch.manual_seed(0)
    parts = [
        torch.randn(1, heads, tokens, WIDTH, device=device, dtype=dtype, requires_grad=True)
        for heads in (HEADS, GROUPS, GROUPS)
    ]
    mask = batch.get("attention_mask")
    if mask is not None:
        mask = mask.to(device)
        mask = mask if mask.dtype == torch.bool else mask.to(dtype)
    options = {key: batch[key] for key in ("segments", "blocks") if key in batch}
    forward = eager_attention_forward if name == "eager" else AttentionInterface()[name]
    layer, times = Layer(), []
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    for count in range(rounds + 2):
        start = time.perf_counter()
        out = forward(layer, *parts, mask, scaling=WIDTH**-0.5, dropout=0.0, **options)[0]
        out.sum().backward()
        if cuda:
            torch.cuda.synchronize()
        if count >= 2:  # the first ones compile
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 500)
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    parser.add_argument("--tiny", action="store_true", help="small packs, on any machine")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.queries = 24
    device = "cpu" if arguments.tiny else choose_device()
    sizes, rounds = ((256, 512), 2) if arguments.tiny else (SIZES, ROUNDS)
    tokenizer = load_tokenizer(resolve_model("tiny" if arguments.tiny else "smol"))
    all_rows = rows(drawn(arguments, tokenizer, max(sizes)), "folded", tokenizer)
    register()
    names = ("sdpa", "eager", FLEX if device.startswith("cuda") else SEGMENTS)
    figures: list[dict[str, Any]] = []
    for size in sizes:
        fitting = [row for row in all_rows if len(row.input_ids) <= size]
        packs = pack_rows(fitting, Recipe("attention", "", 1e-4, max_length=size), arguments.seed)
        fullest = max(packs, key=lambda pack: len(pack["input_ids"]))
        for name in names:
            try:
                spent, memory = milliseconds(name, [fullest], device, rounds)
            except torch.OutOfMemoryError:
                spent, memory = float("nan"), float("nan")
            label = name.removeprefix("pipesql_")
            figures.append(
                {"size": size, "tokens": len(fullest["input_ids"]), "attention": label, "ms": spent, "GB": memory}
            )
    card = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    print(f"\nattention of one layer, forward and backward, {HEADS} heads of {WIDTH}, on {card}")
    print(f"{'pack':>8}{'tokens':>8}  {'attention':12}{'ms':>9}{'GB':>7}")
    for figure in figures:
        size, tokens, name, spent, memory = figure.values()
        print(f"{size:>8}{tokens:>8}  {name:12}{spent:>9.2f}{memory:>7.2f}")
    if arguments.out:
        write_json(arguments.out, {"device": card, "figures": figures})


if __name__ == "__main__":
    main()
