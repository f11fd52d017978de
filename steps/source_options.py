"""The options that say which questions are taken, and where they and their databases come from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

_OPTIONS: tuple[tuple[str, str | int, str], ...] = (
    ("benchmark", "demo", "demo, spider, bird or files (your own)."),
    ("benchmark_dir", "", "Its folder; else it is built or fetched."),
    ("questions", "", "With files: a JSON Lines file of questions."),
    ("databases", "", "With files: the folder of SQLite and DuckDB files, or a SQLAlchemy URL."),
    ("missing", "fail", "skip leaves out what has no database; fail stops."),
    ("limit", 0, "At most so many questions of each split; 0 takes all."),
)


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a step (farthest from its function); they reach it together, as the argument `source`."""

    @functools.wraps(command)
    def step(**given: Any) -> Any:
        return command(source={name: given.pop(name) for name, _, _ in _OPTIONS}, **given)

    for name, default, help_ in reversed(_OPTIONS):
        step = click.option(f"--{name}", default=default, show_default=True, help=help_)(step)
    return step
