"""The options that say what samples shall be like."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    ("layout", "folded", "folded: a sample a query; tree: the same, schemas once; steps: an operator."),
    ("tool_ratio", 0.0, "Share of queries that get a conversation with tools, too."),
    ("values", 0, "At most so many values a column that the question speaks of, in the prompt."),
    ("keys", 1, "1: the schema in the prompt says what is a key; 0: it does not."),
    ("disguises", 0, "Show each train database under so many other names, too: other schemas to learn from."),
    ("validation", 0.0, "Share of train held back, in whole databases, for the evaluation loss."),
    ("max_length", 2048, "Samples of more tokens are counted as too long."),
    ("tokenizer", "auto", "Counts lengths: a model's name or folder; auto: smol's if it is here."),
    ("execute_prefixes", 1, "1: execute every prefix of every query; 0: none."),
)


def sample_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a step (nearest to its function); they reach it together, as the argument `wanted`."""

    @functools.wraps(command)
    def step(**given: Any) -> Any:
        return command(wanted={name: given.pop(name) for name, _, _ in _OPTIONS}, **given)

    for name, default, help_ in reversed(_OPTIONS):
        step = click.option(f"--{name}", default=default, show_default=True, help=help_)(step)
    return step
