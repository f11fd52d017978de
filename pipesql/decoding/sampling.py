"""Which token comes next: the likeliest of those allowed, or one drawn; and which others would have been next in
line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

WIDTH = 3
"""So many candidates are looked at for a place."""


@dataclass(frozen=True)
class Candidate:
    """A token that is allowed. `score`: its log probability among all tokens, the forbidden included; `regret`: how far
    that lies below the likeliest of all, 0 for the model's own choice."""

    token: int
    score: float
    regret: float


def choose(
    logits: torch.Tensor,
    allowed: Any,
    temperatures: Sequence[float],
    generators: Sequence[torch.Generator],
    width: int = WIDTH,
) -> list[list[Candidate]]:
    """The candidates of each row of `logits` (rows × vocabulary), at most `width`, best first; `allowed` is a boolean
    array of that shape.

    A row's temperature 0 puts the likeliest first. Above it they are drawn without replacement from the distribution at
    that temperature, by adding Gumbel noise (Gumbel-top-k, Kool et al. 2019), each row's from its own generator.
    """
    scores = torch.log_softmax(logits.float(), dim=-1)
    best = scores.max(dim=-1).values
    ranks = scores.masked_fill(~torch.as_tensor(allowed, device=logits.device), -torch.inf)
    for row, (temperature, generator) in enumerate(zip(temperatures, generators, strict=True)):
        if temperature > 0:
            noise = torch.rand(ranks.shape[1], generator=generator).clamp(1e-9, 1 - 1e-7).to(ranks.device)
            ranks[row] = ranks[row] / temperature - torch.log(-torch.log(noise))
    top = ranks.topk(min(width, ranks.shape[1]), dim=-1)
    found = scores.gather(1, top.indices)
    regrets = best[:, None] - found
    return [
        [Candidate(token, score, regret) for token, score, regret, rank in zip(*row, strict=True) if rank > -torch.inf]
        for row in zip(top.indices.tolist(), found.tolist(), regrets.tolist(), top.values.tolist(), strict=True)
    ]
