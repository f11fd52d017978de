"""What all steps share: an error that the user can mend ends the step with one sentence and an exit code."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import click

from pipesql.errors import PipesqlError

P = ParamSpec("P")

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def ends_in_one_sentence(step: Callable[P, None]) -> Callable[P, None]:
    """Put under `@click.command()` and its options: prints `error: …` on standard error, exits with the error's code.

    Anything that is neither a PipesqlError nor a disk that cannot be written is a defect and keeps its traceback.
    """

    @functools.wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(*args, **kwargs)
        except PipesqlError as e:
            _stop(str(e), e.exit_code, e)
        except OSError as e:
            if e.errno not in _DISK:
                raise
            _stop(
                f"cannot write {e.filename or 'an output file'}: {e.strerror}; free space there or make it writable",
                2,
                e,
            )

    return guarded


def _stop(sentence: str, code: int, cause: Exception) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    raise SystemExit(code) from cause
