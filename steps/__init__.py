"""The steps of the pipeline: one click command each, named `main`, run as `python -m steps.<name>`.

A step reads options, calls one stage of `pipesql`, and writes down in MLflow what the stage reports. Its options are
the parameters of its entry point in MLproject: same names, types and defaults.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from pipesql.errors import PipesqlError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class StepCommand(click.Command):
    """A command whose errors are one sentence on standard error, and an exit status; use as `cls=StepCommand`.

    Those are a PipesqlError and a disk that is full or cannot be written. Anything else is a bug and keeps its
    traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the step."""
        try:
            return super().invoke(ctx)
        except PipesqlError as e:
            raise _Sentence(str(e), e.exit_code) from e
        except OSError as e:
            if e.errno not in _DISK:
                raise
            where = e.filename or "an output file"
            raise _Sentence(f"cannot write {where}: {e.strerror}; free space there or make it writable", 2) from e


class _Sentence(click.ClickException):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
