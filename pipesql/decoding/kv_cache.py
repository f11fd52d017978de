"""The KV cache (the keys and values of all tokens read), and a prefix cache for prompts that begin alike.

The cache of transformers copies all that it holds at every token: with 32 rows of 260 tokens, a seventh of the time of
a step of SmolLM2-135M (0.36 s of one core against 0.31 s). Here a token is written behind the others in a buffer, a row
that leaves makes room for one that moves, and a buffer is copied into a larger one only when it is full.

The prompt puts the schema before the question, so all questions of one database share most of their prompt. Reading
that part costs far more than decoding an answer; the prefix cache reads it once for each database. Its keys and values
are those that the whole prompt would have given (attention looks backwards only), so sharing changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from pipesql.chat.template import common_prefix

ROOM = 64
"""Spare tokens in a new buffer."""


class KVLayer(DynamicLayer):
    """Keys and values of one layer (rows × heads × tokens × head size): views of the beginning of two buffers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    @classmethod
    def of(cls, parts: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> KVLayer:
        """The layer of several parts, one below the other, narrower ones padded on the left with zeros."""
        layer = cls()
        rows, width = sum(len(keys) for keys, _ in parts), max(keys.shape[2] for keys, _ in parts)
        layer._lay_out(*parts[0], rows, width)
        first = 0
        for part in parts:
            for view, states in zip(layer._views(), part, strict=True):
                padding = width - states.shape[2]
                view[first : first + len(states), :, :padding] = 0
                view[first : first + len(states), :, padding:] = states
            first += len(part[0])
        return layer

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **options: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append tokens, and return all keys and all values."""
        used, new = self.get_seq_length(), key_states.shape[2]
        if self._buffers is None:
            self._lay_out(key_states, value_states, len(key_states), new)
        else:
            if used + new > self._buffers[0].shape[2]:
                before = self.keys, self.values
                self._lay_out(*before, len(self.keys), used + new)
                for view, states in zip(self._views(), before, strict=True):
                    view[:, :, :used] = states
            self._look(len(self.keys), used + new)
        for view, states in zip(self._views(), (key_states, value_states), strict=True):
            view[:, :, used:] = states
        return self.keys, self.values

    def select(self, rows: Sequence[int], unused: int) -> None:
        """Keep these rows, in this order, without the first `unused` tokens.

        A row may be named more than once. One that keeps its place costs nothing.
        """
        moved = [(place, row) for place, row in enumerate(rows) if place != row]
        before, width = (self.keys, self.values), self.keys.shape[2]
        states = [view[[row for _, row in moved]] for view in before]
        if len(rows) > len(self._held()[0]):
            self._lay_out(*before, len(rows) + len(rows) // 2, width)
            for view, old in zip(self._views(), before, strict=True):
                view[: len(old)] = old
        self._look(len(rows), width)
        for view, copies in zip(self._views(), states, strict=True):
            for (place, _), copy in zip(moved, copies, strict=True):
                view[place] = copy
        if unused:
            keys, values = self._held()
            self._buffers = keys[:, :, unused:], values[:, :, unused:]
            self._look(len(rows), width - unused)

    def reset(self) -> None:
        self._buffers = None
        super().reset()

    def _lay_out(self, keys: torch.Tensor, values: torch.Tensor, rows: int, width: int) -> None:
        """Make new, uninitialised buffers for `rows` of `width` tokens like these, with room for more tokens."""
        self.lazy_initialization(keys, values)
        shapes = ((rows, states.shape[1], width + ROOM, states.shape[3]) for states in (keys, values))
        first, second = (keys.new_empty(shape) for shape in shapes)
        self._buffers = first, second
        self._look(rows, width)

    def _look(self, rows: int, width: int) -> None:
        self.keys, self.values = (buffer[:rows, :, :width] for buffer in self._held())

    def _held(self) -> tuple[torch.Tensor, torch.Tensor]:
        assert self._buffers is not None
        return self._buffers

    def _views(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.keys, self.values


class KVCache(Cache):
    """The KV cache of any model whose layers all attend to everything before."""

    def __init__(self, layers: Iterable[KVLayer] = ()) -> None:
        """Without `layers` the cache is empty, and layers are added as they are written."""
        super().__init__(layer_class_to_replicate=KVLayer)
        self.layers = list(layers)

    def select(self, rows: Sequence[int], unused: int = 0) -> None:
        """Keep these rows of every layer, in this order, without their first `unused` tokens."""
        for layer in self.layers:
            layer.select(rows, unused)

    def joined(self, other: KVCache) -> KVCache:
        """The rows of both, the narrower ones padded on the left with zeros."""
        pairs = zip(self.layers, other.layers, strict=True)
        return KVCache(KVLayer.of([(one.keys, one.values) for one in pair]) for pair in pairs)


def in_place(parents: Sequence[int]) -> list[int]:
    """Order rows so that as many as possible take the place of their parent.

    `parents[i]` is the place of the row that row i continues; the result holds every i once.
    """
    places: list[int | None] = [None] * len(parents)
    others: list[int] = []
    for row, parent in enumerate(parents):
        if parent < len(places) and places[parent] is None:
            places[parent] = row
        else:
            others.append(row)
    rest = iter(others)
    return [next(rest) if row is None else row for row in places]


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
