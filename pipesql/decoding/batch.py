"""Rows that are decoded together: one KV cache, and the next token of each row.

Finished rows leave and new prompts join while others are in the middle of an answer, so that no forward pass is spent
on a batch that is nearly empty. Rows of different lengths stand side by side padded on the left;
padding is masked, and positions count what a row has read, so a row computes the same whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from pipesql.decoding.kv_cache import PrefixCache, in_place


class Batch:
    """Prompts that the model has read, then one token a step. `tokens` (one a row) are chosen but not yet read."""

    tokens: torch.Tensor
    logits: torch.Tensor
    """Rows × vocabulary, of the next token; `tokens` are the most likely ones until others are chosen."""

    def __init__(self, model: Any, prefixes: PrefixCache, prompts: Sequence[tuple[Sequence[int], int]]) -> None:
        """Read prompts, given as (token ids, how many of them are a shared prefix), and choose their first tokens."""
        self._model = model
        self._cache, before = prefixes.batch([tuple(ids[:shared]) for ids, shared in prompts])
        input_ids, rest = left_padded([ids[shared:] for ids, shared in prompts], model.device)
        self._mask = torch.cat([before, rest], dim=1)
        # A position counts what the row read before; padding counts for nothing and is masked, so any number serves.
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)[:, before.shape[1] :]
        self._forward(input_ids, positions)

    def step(self) -> None:
        """Read the chosen tokens, and choose the next ones."""
        positions = self._mask.sum(1, keepdim=True)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        self._forward(self.tokens[:, None], positions)

    def forget(self, row: int, count: int) -> None:
        """Make a row forget the last `count` tokens that it read: they are masked and take up no position."""
        read = self._mask[row].nonzero()[:, 0]
        self._mask[row, read[len(read) - count :]] = 0

    def keep(self, parents: Sequence[int]) -> list[int]:
        """Keep these rows, each in its place where possible, and no more width than they need.

        Returns the order in which they stand now, as places in `parents`; a row that is named twice is kept twice.
        """
        order = in_place(parents)
        if (rows := [parents[place] for place in order]) == list(range(len(self.tokens))):
            return order
        index = torch.tensor(rows, dtype=torch.long, device=self.tokens.device)
        self.tokens, self._mask = self.tokens[index], self._mask[index]
        unused = int(self._mask.any(0).long().argmax()) if rows else 0
        self._mask = self._mask[:, unused:]
        self._cache.select(rows, unused)
        return order

    def join(self, other: Batch) -> None:
        """Append the rows of another batch."""
        widths = self._mask.shape[1], other._mask.shape[1]
        more, other_more = max(widths) - widths[0], max(widths) - widths[1]
        self.tokens = torch.cat([self.tokens, other.tokens])
        self._mask = torch.cat([pad(self._mask, (more, 0)), pad(other._mask, (other_more, 0))])
        self._cache = self._cache.joined(other._cache)

    def _forward(self, input_ids: torch.Tensor, positions: torch.Tensor) -> None:
        logits = self._model(
            input_ids=input_ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        self.logits = logits[:, -1]
        self.tokens = self.logits.argmax(-1)


def left_padded(sequences: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their mask (both rows × longest), padding on the left and masked."""
    width = max(len(s) for s in sequences)
    ids = torch.zeros((len(sequences), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    return ids.to(device), mask.to(device)
