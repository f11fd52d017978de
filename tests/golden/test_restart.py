"""A build that is killed goes on: what was finished is taken from the journal, and the result is the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipesql import benchmarks, golden
from pipesql.golden.journal import Journal
from pipesql.records import Question

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from pathlib import Path
from pipesql import benchmarks, golden

if __name__ == "__main__":
    folder, journal, out = map(Path, sys.argv[1:])
    build = golden.build(benchmarks.load("demo", str(folder)), workers=2, journal=journal)
    out.mkdir()
    golden.write(out, build)
"""


@pytest.fixture
def questions(tmp_path: Path) -> list[Question]:
    return benchmarks.load("demo", str(tmp_path / "demo"))


def start(tmp_path: Path, out: str) -> subprocess.Popen[bytes]:
    script = tmp_path / "build.py"
    script.write_text(SCRIPT)
    arguments = [str(tmp_path / name) for name in ("demo", "journal", out)]
    # A session of its own, so that its workers can be counted when it is dead.
    return subprocess.Popen(
        [sys.executable, str(script), *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True
    )


def alive(session: int) -> int:
    listed = subprocess.run(["ps", "-s", str(session), "-o", "stat="], capture_output=True, text=True, check=False)
    return sum(not line.strip().startswith("Z") for line in listed.stdout.splitlines())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_build_killed_at_a_third_gives_the_same_bytes_when_it_is_run_again(
    tmp_path: Path, questions: list[Question]
) -> None:
    groups = len({q.database for q in questions})
    journal = tmp_path / "journal"
    killed = start(tmp_path, "killed")
    while len(list(journal.glob("*.jsonl"))) < groups / 3:
        assert killed.poll() is None, "the build ended before it could be killed"
        time.sleep(0.002)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while alive(killed.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(killed.pid) == 0, "workers end with the build that they served"
    assert not (tmp_path / "killed").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in journal.glob("*.jsonl")}
    assert groups / 3 <= len(kept) < groups

    again = start(tmp_path, "again")
    assert again.wait() == 0
    assert {path.name: path.stat().st_mtime_ns for path in journal.glob("*.jsonl")}.items() >= kept.items()
    (tmp_path / "fresh").mkdir()
    golden.write(tmp_path / "fresh", golden.build(questions))
    assert files(tmp_path / "again") == files(tmp_path / "fresh")


def test_only_what_belongs_to_the_same_build_is_taken(
    tmp_path: Path, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    some, journal = questions[:20], tmp_path / "journal"
    first = golden.build(some, journal=journal)
    count = len(list(journal.iterdir()))
    monkeypatch.setattr("pipesql.golden.groups.round_trip", lambda *_: pytest.fail("nothing is left to do"))
    assert golden.build(some, journal=journal) == first
    monkeypatch.undo()
    golden.build(some[:-1], journal=journal)
    golden.build(some, seed=1, journal=journal)
    assert len(list(journal.iterdir())) > count, "other questions and another seed are another build"
    for path in journal.iterdir():
        path.write_text(path.read_text()[: path.stat().st_size // 2])
    assert golden.build(some, journal=journal) == first, "a damaged file is done again"
    Journal(journal).clear()
    assert not journal.exists()
