"""The shell scripts: their syntax, their help, and what they call, seen by commands that only note their arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))

if shutil.which("bash") is None:
    pytest.skip("bash is not installed", allow_module_level=True)


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder with `pipesql` and `mlflow` that write what they are called with into `calls`."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    for name in ("pipesql", "mlflow"):
        stub = folder / name
        stub.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n')
        stub.chmod(0o755)
    return folder


def call(stubs: Path, script: str, *arguments: str) -> tuple[int, list[str]]:
    """The exit status, and the commands that were called, from a folder that is not the project's."""
    done = subprocess.run(
        [ROOT / "scripts" / script, *arguments],
        cwd=stubs.parent,
        env={**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = stubs.parent / "calls"
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def test_the_scripts_are_there() -> None:
    assert [p.name for p in SCRIPTS] == ["setup_bird_data.sh", "setup_data.sh", "train.sh"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_syntax_and_help(script: Path, stubs: Path) -> None:
    assert os.access(script, os.X_OK)
    checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    asked = subprocess.run([script, "--help"], capture_output=True, text=True, check=False)
    assert asked.returncode == 0
    assert asked.stdout.startswith(f"usage: scripts/{script.name}")
    assert call(stubs, script.name, "--no-such-option") == (2, [])


@pytest.mark.parametrize(("script", "benchmark"), [("setup_data.sh", "spider"), ("setup_bird_data.sh", "bird")])
def test_data_is_fetched_and_then_made_into_samples(stubs: Path, script: str, benchmark: str) -> None:
    start = f"mlflow run . -e data --env-manager local -P benchmark={benchmark}"
    assert call(stubs, script) == (
        0,
        [
            f"pipesql fetch {benchmark} --dir output/benchmarks/{benchmark}",
            f"{start} -P benchmark_dir=output/benchmarks/{benchmark}",
        ],
    )
    (stubs.parent / "calls").unlink()
    mine = stubs.parent / "mine"
    assert call(stubs, script, "mine", "limit=20", "layout=steps") == (
        0,
        [
            f"pipesql fetch {benchmark} --dir {mine}",
            f"{start} -P limit=20 -P layout=steps -P benchmark_dir={mine}",
        ],
    )
    (stubs.parent / "calls").unlink()
    assert call(stubs, script, "--fetch-only", "/elsewhere") == (0, [f"pipesql fetch {benchmark} --dir /elsewhere"])


def test_nothing_is_made_of_data_that_could_not_be_fetched(stubs: Path) -> None:
    (stubs / "pipesql").write_text("#!/bin/sh\nexit 2\n")
    assert call(stubs, "setup_data.sh") == (2, [])


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ([], "-P benchmark=spider"),
        (["model=1.5b", "limit=500"], "-P benchmark=spider -P model=1.5b -P limit=500"),
        (["benchmark=bird"], "-P benchmark=bird"),
        (["--smoke-test"], "-P benchmark=demo -P model=smol -P recipe=smoke"),
        (["--smoke-test", "model=tiny", "recipe=tiny"], "-P benchmark=demo -P model=tiny -P recipe=tiny"),
    ],
)
def test_training_runs_the_pipeline(stubs: Path, arguments: list[str], parameters: str) -> None:
    status, calls = call(stubs, "train.sh", *arguments)
    assert (status, calls) == (0, [f"mlflow run . -e main --env-manager local {parameters}"])


@pytest.mark.parametrize(("short", "long", "status"), [(0, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_both_tiers_run_and_their_closing_lines_come_last(stubs: Path, short: int, long: int, status: int) -> None:
    closing = {"test": "=== 9 passed in 3.21s ===", "test-long": "=== 1 failed, 2 passed in 61.00s (0:01:01) ==="}
    tiers = "".join(
        f"if [ $1 = {tier} ]; then echo 'some test'; echo '{closing[tier]}'; exit {code}; fi\n"
        for tier, code in (("test", short), ("test-long", long))
    )
    make = stubs / "make"
    make.write_text(f"#!/bin/sh\n{tiers}")
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}", "TIERS": "test test-long"}
    done = subprocess.run([ROOT / ".ci" / "run"], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (status, list(closing.values()))
