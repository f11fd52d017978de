"""A prefix cache: the beginning that prompts share is read once, and its keys and values serve every row.

The prompt puts the schema before the question, so all questions of one database share most of their prompt. Reading
that part costs far more than decoding an answer; here it is read once for each database.

The keys and values of a prefix are those that the whole prompt would have given (attention looks backwards only), so
sharing changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from pipesql.chat.template import common_prefix
from pipesql.decoding.kv_cache import KVCache, KVLayer


def shared_lengths(prompts: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Put prompts with a common beginning together, and count how many leading tokens each shares.

    Returns (order, lengths): `order` holds indices into `prompts`, sorted by their tokens; `lengths[i]` is the
    number of leading tokens that prompt `i` has in common with its whole group. A group is a run of neighbours each
    of which shares at least half of its prompt with the one before. A prompt that
    stands alone has length 0. The length is always below the prompt's own, so that every row has a token left to read.
    """
    order = sorted(range(len(prompts)), key=lambda i: tuple(prompts[i]))
    lengths = [0] * len(prompts)
    for run in _runs(prompts, order):
        if len(run) > 1:
            common = common_prefix([prompts[run[0]], prompts[run[-1]]])  # sorted: first and last differ the earliest
            for i in run:
                lengths[i] = min(common, min(len(prompts[j]) for j in run) - 1)
    return order, lengths


def _runs(prompts: Sequence[Sequence[int]], order: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for i in order:
        if run and 2 * common_prefix([prompts[run[-1]], prompts[i]]) < len(prompts[i]):
            yield run
            run = []
        run.append(i)
    if run:
        yield run


class PrefixCache:
    """Reads prefixes into KV caches and lays them side by side for a batch; keeps those of the latest batch."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._read: dict[tuple[int, ...], list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def batch(self, prefixes: Sequence[tuple[int, ...]]) -> tuple[KVCache, torch.Tensor]:
        """The KV cache of one row per prefix, shorter ones padded on the left, and its mask.

        Returns the cache (per layer keys and values of shape rows × heads × width × head size) and the mask
        (rows × width, 1 where a token was read). Width is the longest prefix, 0 when all are empty.
        """
        self._read = {p: self._read.get(p) or self._layers(p) for p in dict.fromkeys(prefixes) if p}
        width = max(len(p) for p in prefixes)
        device = self._model.device
        mask = torch.zeros(len(prefixes), width, dtype=torch.long, device=device)
        for row, prefix in enumerate(prefixes):
            mask[row, width - len(prefix) :] = 1
        if not width:
            return KVCache(), mask
        some = next(iter(self._read.values()))
        nothing = [tuple(states[:, :, :0] for states in layer) for layer in some]
        rows = [self._read[prefix] if prefix else nothing for prefix in prefixes]
        return KVCache(KVLayer.of(parts) for parts in zip(*rows, strict=True)), mask

    def _layers(self, prefix: tuple[int, ...]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        cache = KVCache()
        ids = torch.tensor([prefix], device=self._model.device)
        self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return [(layer.keys, layer.values) for layer in cache.layers]
