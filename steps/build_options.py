"""The options that say how golden pairs are made, not what they are: the same output comes of all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipesql.golden import Making

_OPTIONS = (
    ("baseline", "", "An earlier output folder or data run: fails where a pair of it is golden no more."),
    ("engine", "local", "local: processes on this machine; spark: the session of SPARK_MASTER, or local[*]."),
    ("workers", 0, "With local: how many processes; 0: one a core, or none for a small set."),
)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a step; what makes its build reaches it as the argument `making`.

    They are taken out of the context's parameters: the output folder is named by the others.
    """

    @functools.wraps(command)
    def step(**given: Any) -> Any:
        params = click.get_current_context().params
        for name, _, _ in _OPTIONS:
            params.pop(name)
        return command(making=_making(params, **{name: given.pop(name) for name, _, _ in _OPTIONS}), **given)

    for name, default, help_ in reversed(_OPTIONS):
        step = click.option(f"--{name}", default=default, show_default=True, help=help_)(step)
    return step


def _making(config: dict[str, Any], baseline: str, engine: str, workers: int) -> Making:
    from pipesql.golden import Making
    from pipesql.storage import config_name
    from pipesql.tracking.lookup import golden_file

    folder = Path("output") / "data" / config_name(config["benchmark"], config)
    return Making(folder, engine, workers, golden_file(baseline) if baseline else None)
