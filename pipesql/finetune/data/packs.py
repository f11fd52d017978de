"""Packs: many questions of one database behind one copy of the prompt that they share.

The schema stands before the question, so the prompts of one database begin alike. A pack holds that beginning once
(the trunk), then each question with its operators (the branches). A branch sees the trunk and itself, and its
positions continue the trunk's, so every target has exactly the context that it has in a sequence of its own: the loss
and its gradient are the same, at a third of the tokens on Spider.

A pack also takes several small trees: nothing sees across trees.
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
    """Tokens in the order of the forward pass. `branch` numbers the stretch a token belongs to, `trunk` is the number
    of the trunk that it sees beside its own stretch."""

    input_ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    position_ids: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    trunk: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.input_ids)

    def add_tree(self, rows: Sequence[Row], shared: int) -> None:
        """Append the first `shared` tokens of the rows once, then what each row has of its own."""
        trunk = self.branch[-1] + 1 if self.branch else 0
        self._add(rows[0].input_ids[:shared], (IGNORED,) * shared, 0, trunk, trunk)
        for number, row in enumerate(rows, trunk + 1):
            self._add(row.input_ids[shared:], row.labels[shared:], shared, number, trunk)

    def _add(self, ids: Sequence[int], labels: Sequence[int], start: int, branch: int, trunk: int) -> None:
        self.input_ids += ids
        # The first token of a stretch is no target: what stands before it in the pack is not its context.
        self.labels += [IGNORED, *labels[1:]] if labels else []
        self.position_ids += range(start, start + len(ids))
        self.branch += [branch] * len(ids)
        self.trunk += [trunk] * len(ids)


def make_packs(rows: Sequence[Row], capacity: int, seed: int) -> list[Pack]:
    """Pack all rows, each once, into packs of at most `capacity` tokens, in an order drawn by `seed`.

    The rows of a database are shuffled and dealt to trees as even in size as `capacity` allows, so that no tree pays
    for a trunk with a single branch behind it; small trees of different databases are then put together.
    """
    draw = random.Random(seed)
    trees = deal_trees(rows, capacity, draw)
    draw.shuffle(trees)
    packs: list[Pack] = []
    for shared, tree in sorted(trees, key=lambda t: -_size(t[1], t[0])):  # largest first, each where it fits best
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
    """Trees of at most `capacity` tokens (a row that is longer by itself makes its own) that hold each row once.

    Each is (leading tokens that its rows share, its rows): rows of one database and layout, in an order drawn.
    """
    # Conversations with tools begin otherwise than plain questions on the same database.
    by_database: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_database[row.db_id, row.layout].append(row)
    trees: list[tuple[int, list[Row]]] = []
    for members in by_database.values():
        # One token of the prompt at least stays with the branch: the first target is predicted from it.
        shared = min(shared_prompt_length(members), min(row.prompt_length for row in members) - 1)
        draw.shuffle(members)
        trees += [(shared, tree) for tree in _deal(members, shared, capacity)]
    return trees


def _size(rows: Sequence[Row], shared: int) -> int:
    return shared + sum(len(row.input_ids) - shared for row in rows)


def _deal(rows: Sequence[Row], shared: int, capacity: int) -> Iterator[list[Row]]:
    """Cut rows into the fewest runs that fit, of about equal size in tokens."""
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

    The mask is boolean, True where the row's token may look at the column's.
    """
    batch = tensors(packs)
    branch, trunk = stretch_tensors(packs, batch["input_ids"].shape[1])
    earlier = torch.ones(branch.shape[1], branch.shape[1], dtype=torch.bool).tril()
    same = branch[:, :, None] == branch[:, None, :]
    of_trunk = trunk[:, :, None] == branch[:, None, :]
    return {**batch, "attention_mask": (earlier & (same | of_trunk))[:, None]}


def tensors(packs: Sequence[Mapping[str, Any]], multiple: int = 1) -> dict[str, torch.Tensor]:
    """Ids, labels and positions of a batch (packs × longest, rounded up to a multiple of `multiple`)."""
    width = -(-max(len(pack["input_ids"]) for pack in packs) // multiple) * multiple
    fills = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}
    return {name: _padded(packs, name, fill, width) for name, fill in fills.items()}


def stretch_tensors(packs: Sequence[Mapping[str, Any]], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`branch` and `trunk` of a batch (packs × `width`). Padding is a stretch of its own, -1, and sees no trunk."""
    return _padded(packs, "branch", -1, width), _padded(packs, "trunk", -2, width)


def _padded(packs: Sequence[Mapping[str, Any]], name: str, fill: int, width: int) -> torch.Tensor:
    out = torch.full((len(packs), width), fill, dtype=torch.long)
    for row, pack in enumerate(packs):
        out[row, : len(pack[name])] = torch.tensor(pack[name], dtype=torch.long)
    return out
