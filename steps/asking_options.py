"""The options that say how a model is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipesql.inference.config import DecodingConfig
    from pipesql.tracking.registry import Version

_OPTIONS = (
    ("mode", "greedy", "greedy; beam: the likeliest result; vote: what most of several agree on; agent: with tools."),
    ("constrained", 0, "1: the model can write only what can stand on the database; 0: anything."),
    (
        "evidence",
        "words",
        "If constrained, asked of it: names, runs, rows (some are left) or words of the question.",
    ),
    ("beams", 4, "With mode beam, how many ways are followed together."),
    ("samples", 8, "With mode vote, answers to each question."),
    ("temperature", 0.7, "With mode vote, how far they stray from the likeliest."),
    ("prompt_tokens", 0, "A larger prompt shows the likeliest tables alone; 0: what the model can read."),
    ("precision", "auto", "auto: float32 on a CPU; float32; bfloat16: faster where a CPU has it."),
    ("traces", 0.1, "With mode agent, the share of questions whose every step is recorded."),
)


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a step; they reach it together, as the argument `how`."""

    @functools.wraps(command)
    def step(**given: Any) -> Any:
        how = {name: given.pop(name) for name, _, _ in _OPTIONS}
        how["constrained"] = bool(how["constrained"])
        return command(how=how, **given)

    for name, default, help_ in reversed(_OPTIONS):
        step = click.option(f"--{name}", default=default, show_default=True, help=help_)(step)
    return step


def asking(how: dict[str, Any], version: Version, data: Path, seed: int) -> DecodingConfig:
    """How the questions of a data folder are put to a version. Raises BadInput for what does not go together."""
    from pipesql.evaluate.questions import prompt_shape
    from pipesql.inference.config import DecodingConfig

    shape = {name: int(version.tags.get(f"pipesql.{name}", value)) for name, value in prompt_shape(data).items()}
    given = {"check" if name == "evidence" else name: value for name, value in how.items() if name != "traces"}
    given["check"] = "mentions" if given["check"] == "words" else given["check"]
    return DecodingConfig(version.tags.get("pipesql.layout", "folded"), **shape, seed=seed, **given)
