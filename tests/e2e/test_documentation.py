"""What the documentation shows is what happens: the README's Python, and every command of the first two tutorials.

A page's `console` blocks hold commands, each a line that begins with `$ `, and below it what the command prints, if
the page shows that. A block with a title is a file that the reader writes. Commands run in order in an empty folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = "<!-- run -->\n```python\n"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
VARYING = re.compile(r"\b\d+(\.\d+)? m?s\b|\bfiles-[0-9a-f]{8}\b")
"""Durations, and the name of a data folder, which depends on where it is."""


def environment() -> dict[str, str]:
    """This interpreter's commands first, this checkout's code, and no tracking store of elsewhere."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with what the page shows below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown.strip()


def settled(text: str) -> str:
    """A text without what differs from run to run."""
    return VARYING.sub("…", "\n".join(line.rstrip() for line in text.strip().splitlines()))


def test_the_readmes_python_runs(tmp_path: Path) -> None:
    examples = [part.partition("```")[0] for part in (ROOT / "README.md").read_text("utf-8").split(RUN)[1:]]
    assert examples
    for example in examples:
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = re.findall(r"^# (.*)$", example, re.MULTILINE) + re.findall(r"\)  # (.*)$", example, re.MULTILINE)
        assert [line for line in said if not line.startswith("random") and line not in done.stdout] == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["ten-minutes", "your-own-database"])
def test_a_tutorials_commands_run_and_print_what_it_shows(name: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8")
    ran = 0
    for language, title, block in BLOCK.findall(page):
        if title:
            (tmp_path / title).write_text(block, encoding="utf-8")
        for command, shown in commands(block) if language == "console" else ():
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
            if shown:
                assert settled(shown) in settled(done.stdout), f"$ {command}"
            ran += 1
    assert ran > 8
