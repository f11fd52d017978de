"""Progress of long work: a bar on a terminal, lines now and then in a log, nothing of work that is done at once."""

from __future__ import annotations

import io
import sys

import pytest

from pipesql import progress as module
from pipesql.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def work(clock: Clock, progress: Progress, seconds: int) -> None:
    """One unit a second, each third of them rejected."""
    with progress:
        for second in range(1, seconds + 1):
            clock.now = second
            progress.update(rejected=second % 3 == 0)


def test_a_log_gets_lines_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, Progress("golden pairs", 1200, "questions"), 1200)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "golden pairs: 5 of 1,200 questions, 1 rejected, 20 min left"
    assert lines[-1] == "golden pairs: 1,200 of 1,200 questions, 400 rejected, 20 min in all"
    assert 20 < len(lines) < 100, "more seldom the longer it takes"
    assert not any("\x1b" in line or "\r" in line for line in lines)


@pytest.mark.parametrize(("seconds", "silent"), [(3, False), (600, True)])
def test_nothing_is_shown_of_short_work_and_of_silent_processes(
    clock: Clock, capsys: pytest.CaptureFixture[str], seconds: int, silent: bool
) -> None:
    work(clock, Progress("samples", seconds, "queries", silent=silent), seconds)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_one_line_that_is_rewritten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    work(clock, Progress("samples", 10, "queries"), 10)
    states = terminal.getvalue().split("\r\x1b[K")
    assert len(states) == 11 and all(len(state) < 100 for state in states)
    assert states[5] == f"{'━' * 12}{'─' * 12}  samples: 5 of 10 queries, 1 rejected, 5 s left"
    assert terminal.getvalue().endswith("samples: 10 of 10 queries, 3 rejected, 10 s in all\n")


def test_what_was_finished_earlier_does_not_count_in_the_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("spider", 200, "MB")
    progress.skip(100)
    work(clock, progress, 5)
    assert capsys.readouterr().err.splitlines()[0] == "spider: 105 of 200 MB, 1 rejected, 2 min left"


def test_work_of_unknown_size_is_counted(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, Progress("spider", 0, "MB"), 5)
    assert capsys.readouterr().err.startswith("spider: 5 MB, 1 rejected\n")
