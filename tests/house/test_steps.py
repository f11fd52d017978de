"""A step that fails prints one sentence and exits with a status; a bug keeps its traceback."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from pipesql.errors import BadInput, NoSuchRun
from pipesql.workflows.command import StepCommand


@dataclass(frozen=True)
class NoOptions:
    pass


def step_that_raises(error: Exception) -> click.Command:
    def main(options: NoOptions) -> str:
        raise error

    return StepCommand(main)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (BadInput("no folder x: name one that exists"), 2, "Error: no folder x: name one that exists\n"),
        (
            NoSuchRun("there is no finished train run: train first"),
            1,
            "Error: there is no finished train run: train first\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "output/data"),
            2,
            "Error: cannot write output/data: No space left on device; free space there or make it writable\n",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(error: Exception, status: int, sentence: str) -> None:
    done = CliRunner().invoke(step_that_raises(error))
    assert (done.exit_code, done.stderr, done.stdout) == (status, sentence, "")


@pytest.mark.parametrize("bug", [KeyError("x"), OSError(errno.ECHILD, "No child processes")])
def test_a_bug_keeps_its_traceback(bug: Exception) -> None:
    assert CliRunner().invoke(step_that_raises(bug)).exception is bug
