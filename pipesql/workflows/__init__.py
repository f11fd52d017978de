"""What each step does with its MLflow run. Entry points in `steps/` and commands of `pipesql` call these functions.

A workflow takes one dataclass of options, works inside one run, and returns the text that its step prints at the end.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple


class Step(NamedTuple):
    """A step: the module of its workflow, whose function has the same name, and what it does."""

    workflow: str
    summary: str


STEPS = {
    "data": Step("data", "Turn a question set into golden pairs and training samples."),
    "train": Step("train", "Fine-tune a model on samples."),
    "sweep": Step("sweep", "Train once for every point of a grid, or for N points."),
    "grpo": Step("grpo", "Train a fine-tuned model further by the rewards of its answers."),
    "merge": Step("merge", "Merge a trained adapter into its base and register the model."),
    "evaluate": Step("evaluate", "Evaluate a registered version against its untrained base."),
    "promote": Step("promote", "Make a version the champion if it is better on the same questions."),
    "main": Step("pipeline", "Run data, train, merge, evaluate and promote."),
}
"""The entry points, in the order of their use. Nothing heavy is imported to list them."""


def workflow(step: str) -> Callable[[Any], str]:
    """The function of a step; its module is imported now."""
    name = STEPS[step].workflow
    found: Callable[[Any], str] = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    return found
