"""Packs: many questions of one database behind one copy of the prompt that they share.

The schema comes before the question, so the prompts of one database begin alike. A pack holds that shared prefix once,
then a continuation for each question: the rest of its prompt, and its operators. A continuation attends to the shared
prefix and to itself, and its positions follow those of the prefix. So every target has exactly the context that it has
in a sequence of its own: the loss and its gradient are the same, at a third of the tokens on Spider.

A shared prefix with its continuations is a tree. A pack may hold several small trees, which do not attend to each
other. The shared prefixes and continuations are the pack's segments, numbered from 0 in their order.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pipesql.finetune.data.tokenise import IGNORED, Row, shared_prompt_length


@dataclass
class Pack:
    """Tokens in the order of the forward pass. `segment` numbers a token's segment, `prefix` the shared prefix to which
    it attends beside its own segment."""

    input_ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    position_ids: list[int] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)
    prefix: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.input_ids)

    def add_tree(self, rows: Sequence[Row], shared: int) -> None:
        """Append the first `shared` tokens of the rows once, then the continuation of each row."""
        prefix = self.segment[-1] + 1 if self.segment else 0
        self._add(rows[0].input_ids[:shared], (IGNORED,) * shared, 0, prefix, prefix)
        for number, row in enumerate(rows, prefix + 1):
            self._add(row.input_ids[shared:], row.labels[shared:], shared, number, prefix)

    def _add(self, ids: Sequence[int], labels: Sequence[int], start: int, segment: int, prefix: int) -> None:
        self.input_ids += ids
        # The first token of a segment is not a target: the token before it in the pack is not its context.
        self.labels += [IGNORED, *labels[1:]] if labels else []
        self.position_ids += range(start, start + len(ids))
        self.segment += [segment] * len(ids)
        self.prefix += [prefix] * len(ids)


def make_packs(rows: Sequence[Row], capacity: int, seed: int) -> list[Pack]:
    """Put every row once into packs of up to `capacity` tokens, in an order drawn by `seed`.

    The rows of a database are shuffled and dealt to trees as even in size as `capacity` allows, so that few shared
    prefixes serve a single continuation; small trees of different databases then share a pack.
    """
    draw = random.Random(seed)
    trees = deal_trees(rows, capacity, draw)
    draw.shuffle(trees)
    packs: list[Pack] = []
    for shared, tree in sorted(
        trees, key=lambda t: -_size(t[1], t[0])
    ):  # largest first, each into the fullest pack with room
        size = _size(tree, shared)
        fitting = [pack for pack in packs if len(pack) + size <= capacity]
        pack = max(fitting, key=len, default=None)
        if pack is None:
            pack = Pack()
            packs.append(pack)
        pack.add_tree(tree, shared)
    draw.shuffle(packs)
    return packs


def deal_trees(rows: Sequence[Row], capacity: int, draw: random.Random) -> list[tuple[int, list[Row]]]:
    """Deal every row to one of the trees of up to `capacity` tokens; a longer row gets a tree of its own.

    A tree is (number of leading tokens that its rows share, its rows), with rows of one database and layout, shuffled.
    """
    # Conversations with tools begin differently from plain questions on the same database.
    by_database: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_database[row.db_id, row.layout].append(row)
    trees: list[tuple[int, list[Row]]] = []
    for members in by_database.values():
        # At least one token of the prompt stays in the continuation: the first target is predicted from it.
        shared = min(shared_prompt_length(members), min(row.prompt_length for row in members) - 1)
        draw.shuffle(members)
        trees += [(shared, tree) for tree in _deal(members, shared, capacity)]
    return trees


def _size(rows: Sequence[Row], shared: int) -> int:
    return shared + sum(len(row.input_ids) - shared for row in rows)


def _deal(rows: Sequence[Row], shared: int, capacity: int) -> Iterator[list[Row]]:
    """Cut rows into the fewest runs within the capacity, of about equal size in tokens."""
    own = sum(len(row.input_ids) - shared for row in rows)
    count = -(-own // max(1, capacity - shared))
    even = own / count
    run: list[Row] = []
    used = 0
    for row in rows:
        length = len(row.input_ids) - shared
        if run and (shared + used + length > capacity or used + length / 2 > even):
            yield run
            run, used = [], 0
        run.append(row)
        used += length
    yield run


def collate(packs: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    """A batch of packs: ids, labels and positions (packs × longest), and the mask (packs × 1 × longest × longest).

    The mask is boolean, True where the row's token attends to the column's.
    """
    batch = tensors(packs)
    segment, prefix = segment_tensors(packs, batch["input_ids"].shape[1])
    earlier = torch.ones(segment.shape[1], segment.shape[1], dtype=torch.bool).tril()
    own = segment[:, :, None] == segment[:, None, :]
    shared = prefix[:, :, None] == segment[:, None, :]
    return {**batch, "attention_mask": (earlier & (own | shared))[:, None]}


def tensors(packs: Sequence[Mapping[str, Any]], multiple: int = 1) -> dict[str, torch.Tensor]:
    """Ids, labels and positions of a batch (packs × longest, rounded up to a multiple of `multiple`)."""
    width = -(-max(len(pack["input_ids"]) for pack in packs) // multiple) * multiple
    fills = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}
    return {name: _padded(packs, name, fill, width) for name, fill in fills.items()}


def segment_tensors(packs: Sequence[Mapping[str, Any]], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`segment` and `prefix` of a batch (packs × `width`). Padding is segment -1, without a shared prefix."""
    return _padded(packs, "segment", -1, width), _padded(packs, "prefix", -2, width)


def _padded(packs: Sequence[Mapping[str, Any]], name: str, fill: int, width: int) -> torch.Tensor:
    out = torch.full((len(packs), width), fill, dtype=torch.long)
    for row, pack in enumerate(packs):
        out[row, : len(pack[name])] = torch.tensor(pack[name], dtype=torch.long)
    return out
