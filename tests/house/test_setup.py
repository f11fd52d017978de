"""Set-up: what make says, and which build of torch it chooses."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    """scripts/setup.py as a module."""
    spec = importlib.util.spec_from_file_location("project_setup", ROOT / "scripts" / "setup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


def test_make_alone_lists_the_targets() -> None:
    listed = make()
    assert listed.returncode == 0
    for target in ("help", "setup", "test", "smoke", "lint", "ui", "clean"):
        assert f"make {target} " in listed.stdout


def test_make_without_a_python_says_what_is_missing() -> None:
    asked = make("setup", "PYTHON=", "READY=.venv/.never")
    assert asked.returncode != 0
    assert "pipesql needs Python 3.11 or newer, and none was found" in asked.stderr


def test_the_choice_of_torch(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIPESQL_TORCH", "rocm")
    with pytest.raises(setup.SetupError, match="set it to auto, cpu or cuda"):
        setup.wanted_torch()
    monkeypatch.setenv("PIPESQL_TORCH", "cuda")
    assert setup.wanted_torch() == "cuda"
    monkeypatch.setenv("PIPESQL_TORCH", "auto")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.wanted_torch() == "cpu"
    smi = tmp_path / "nvidia-smi"
    for answer, choice in (("echo 'GPU 0: some GPU'", "cuda"), ("echo 'no devices'; exit 6", "cpu")):
        smi.write_text(f"#!/bin/sh\n{answer}\n")
        smi.chmod(0o755)
        assert setup.wanted_torch() == choice


@pytest.mark.parametrize(("version", "build"), [("2.13.0+cpu", "cpu"), ("2.13.0+cu130", "cuda"), ("2.13.0", "plain")])
def test_a_build_is_known_by_its_label(setup: ModuleType, version: str, build: str) -> None:
    assert setup.torch_build(version) == build


def test_a_failing_command_shows_its_end(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match=r"a trial failed .exit status 3.; the end of what it printed:\n    why"):
        setup.run(["sh", "-c", "echo why; exit 3"], "a trial")
