"""Teach a small model a few answers, so that tests can tell what it will say."""

from __future__ import annotations

from typing import Any


def overfit(
    model: Any, batch: list[tuple[list[int], list[int]]], learning_rate: float = 2e-3, below: float = 0.01
) -> None:
    """Train on (prompt, target) token ids until the loss of every target is under `below`; only what is trainable."""
    import torch

    rows = [(torch.tensor([p + t]), torch.tensor([[-100] * len(p) + t])) for p, t in batch]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
    model.train()
    for _ in range(150):
        worst = 0.0
        for ids, labels in rows:
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            worst = max(worst, loss.item())
        optimizer.step()
        optimizer.zero_grad()
        if worst < below:
            return
    raise AssertionError(f"the answers were not memorised: the loss is still {worst:.3f}")
