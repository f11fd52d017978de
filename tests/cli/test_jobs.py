"""Batches by several processes: the same answers in the same order, whatever happens to a process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pipesql.cli import lines, workers
from pipesql.cli.main import main
from pipesql.cli.workers import Workers

FEW = ["SELECT age FROM singer WHERE age > {}", "SELECT nothing FROM", "WITH RECURSIVE", "SELECT COUNT(*) FROM a{}"]


def batch(count: int) -> str:
    rows = [{"id": n, "sql": FEW[n % len(FEW)].format(n)} for n in range(count)]
    return "".join(json.dumps(row) + "\n" for row in rows) + 'not json\n\n{"id": "last"}\n'


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(lines, "ALONE", 5)
    monkeypatch.setattr(workers, "_CHUNK", 3)


def test_the_answers_of_several_processes_are_those_of_one(small) -> None:
    alone, together = (
        CliRunner().invoke(main, ["to-pipe", "--jsonl", "--jobs", jobs], input=batch(70)) for jobs in "13"
    )
    assert alone.exit_code == together.exit_code == 0
    assert together.stdout == alone.stdout
    answers = [json.loads(line) for line in alone.stdout.splitlines()]
    assert [a["id"] for a in answers] == [*range(70), None, None]
    assert {"pipe_sql", "error"} == {key for a in answers for key in a} - {"id"}


def test_text_that_is_no_text_is_an_answer() -> None:
    given = b'\xff\xfe{\n{"id": "\\ud800", "sql": "SELECT 1"}\n' + b"[" * 100_000 + b"\n"
    result = CliRunner().invoke(main, ["to-pipe", "--jsonl"], input=given)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in a for a in answers] == [True, False, True]


def _dies_of_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _lost(number: int) -> int:
    return -number


def test_an_item_that_kills_its_process_is_lost_alone(small) -> None:
    found = list(Workers(_dies_of_seven, _lost, 2).results(range(40)))
    assert found == [-7 if n == 7 else n * n for n in range(40)]


def test_items_are_taken_as_they_are_needed(small) -> None:
    taken = itertools.count()
    results = Workers(_lost, _lost, 2).results(next(taken) for _ in range(10_000))
    assert next(results) == 0
    assert next(taken) < 100
    results.close()


def _heed_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would its children, this one too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_all_processes() -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", "from pipesql.cli.main import main; main()", "to-pipe", "--jsonl", "--jobs", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(b'{"id": 1, "sql": "SELECT 1"}\n' * 5000)
    running.stdin.flush()
    running.stdout.read(1)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 1
    assert b"Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
