"""The steps of the pipeline: one click command each, named `main`, run as `python -m steps.<name>`.

A step reads options, calls one stage of `pipesql`, and writes down in MLflow what the stage reports. Its options are
the parameters of its entry point in MLproject: same names, types and defaults.
"""

from __future__ import annotations

from typing import Any

import click

from pipesql.errors import PipesqlError


class StepCommand(click.Command):
    """A command whose errors are one sentence on standard error, and an exit status; use as `cls=StepCommand`.

    Anything but a PipesqlError is a bug and keeps its traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the step."""
        try:
            return super().invoke(ctx)
        except PipesqlError as e:
            raise _Sentence(str(e), e.exit_code) from e


class _Sentence(click.ClickException):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
