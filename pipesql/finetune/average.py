"""The mean of several models' weights: where they were trained from the same start, it is often better on what none of
them was trained on than each of them (model soups, Wortsman et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pipesql.errors import BadInput
from pipesql.models import ModelSource
from pipesql.models.load import load_model


def average_with(model: Any, others: Sequence[ModelSource]) -> None:
    """Give the model the mean of its own weights and those of the others, each weighing the same, in float32.

    Raises BadInput for a model whose weights have other names or shapes, and ModelUnavailable.
    """
    own = dict(model.named_parameters())
    total = {name: weight.detach().clone() for name, weight in own.items()}
    for source in others:
        theirs = dict(load_model(source, device="cpu", dtype=torch.float32).named_parameters())
        if {name: weight.shape for name, weight in theirs.items()} != {n: w.shape for n, w in own.items()}:
            raise BadInput(f"{source.name} cannot be averaged with this model: its weights have other names or shapes")
        for name, weight in theirs.items():
            total[name] += weight.detach()
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(total[name] / (1 + len(others)))
