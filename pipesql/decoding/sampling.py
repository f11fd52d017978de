"""The choice of the next token: the most likely of those allowed, or one drawn, and the runners-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

WIDTH = 3
"""Candidates that are kept for each place."""


@dataclass(frozen=True)
class Candidate:
    """A token that is allowed. `logprob` is its log probability among all tokens, forbidden ones included; `regret` is
    how far that lies below the most likely token of all, in nats: 0 for the model's own choice."""

    token: int
    logprob: float
    regret: float


def choose(
    logits: torch.Tensor,
    allowed: Any,
    temperatures: Sequence[float],
    generators: Sequence[torch.Generator],
    width: int = WIDTH,
) -> list[list[Candidate]]:
    """The candidates of each row of `logits` (rows × vocabulary), up to `width`, best first; `allowed` is a boolean
    array of that shape.

    At temperature 0 a row's candidates come in order of probability. Above it they are drawn without replacement from
    the distribution at that temperature, by adding Gumbel noise (Gumbel-top-k, Kool et al. 2019) from the row's own
    generator.
    """
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    best = logprobs.max(dim=-1).values
    ranks = logprobs.masked_fill(~torch.as_tensor(allowed, device=logits.device), -torch.inf)
    for row, (temperature, generator) in enumerate(zip(temperatures, generators, strict=True)):
        if temperature > 0:
            noise = torch.rand(ranks.shape[1], generator=generator).clamp(1e-9, 1 - 1e-7).to(ranks.device)
            ranks[row] = ranks[row] / temperature - torch.log(-torch.log(noise))
    top = ranks.topk(min(width, ranks.shape[1]), dim=-1)
    found = logprobs.gather(1, top.indices)
    regrets = best[:, None] - found
    return [
        [Candidate(*candidate) for *candidate, rank in zip(*row, strict=True) if rank > -torch.inf]
        for row in zip(top.indices.tolist(), found.tolist(), regrets.tolist(), top.values.tolist(), strict=True)
    ]
