"""Set the project up in .venv: environment, torch for this machine, everything in the lock, the tracking store.

    python3 scripts/setup.py [--dev]

Needs Python 3.11 or newer and nothing else: only the standard library is imported here. Each stage that is already
done is passed over, so a second call takes seconds. `PIPESQL_TORCH` is `auto` (CUDA where nvidia-smi lists a GPU,
else CPU), `cpu` or `cuda`.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
TORCH_LOCK = ROOT / "requirements-torch.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of CPU builds; PyPI's wheel for Linux is the CUDA build, several gigabytes with its libraries."""


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


@contextmanager
def stage(name: str) -> Iterator[list[str]]:
    """Print one line for a stage: its name, what the block put into the list, and the seconds it took."""
    start, said = time.monotonic(), [""]
    print(f"  {name:<12}", end="", flush=True)
    try:
        yield said
    except SetupError:
        print("failed", flush=True)
        raise
    print(f"{said[-1]:<60} {time.monotonic() - start:6.1f} s", flush=True)


def run(command: Sequence[str | Path], what: str, env: dict[str, str] | None = None) -> str:
    """Run a command quietly and return its output. Raises SetupError with the end of its output where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-20:])
        raise SetupError(f"{what} failed (exit status {done.returncode}); the end of what it printed:\n{end}")
    return done.stdout.strip()


def installed(package: str) -> str:
    """The version of a package in .venv by its metadata, without importing it; empty where it is missing."""
    code = (
        "import sys, importlib.metadata as m\ntry: print(m.version(sys.argv[1]))\nexcept m.PackageNotFoundError: pass"
    )
    return run([PYTHON, "-c", code, package], f"asking for the version of {package}")


def locked(package: str) -> str:
    """The version that a lock pins for a package."""
    for lock in (LOCK, TORCH_LOCK):
        for line in lock.read_text(encoding="utf-8").splitlines():
            name, _, version = line.partition("==")
            if name == package:
                return version.split()[0]
    raise SetupError(f"{LOCK.name} does not pin {package}: run `python scripts/lock.py`")


def make_environment() -> str:
    """Create .venv with this interpreter, or keep one of the same minor version; returns a line about it."""
    if PYTHON.exists():
        have = run([PYTHON, "-c", "import platform; print(platform.python_version())"], "the Python of .venv")
        if tuple(int(part) for part in have.split(".")[:2]) >= (3, 11):
            return f"Python {have} in {VENV.name}"
        shutil.rmtree(VENV)
    try:
        run([sys.executable, "-m", "venv", VENV], "python -m venv")
    except SetupError as e:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(f"{e}\nOn Debian and Ubuntu `apt install python3-venv` brings what venv needs.") from e
    return f"Python {platform.python_version()} in {VENV.name}, new"


def install_uv() -> str:
    """Install the pinned uv by pip; returns a line about it."""
    wanted = locked("uv")
    if installed("uv") == wanted:
        return f"{wanted}, already there"
    run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={wanted}"], "installing uv")
    return wanted


def wanted_torch() -> str:
    """`cpu` or `cuda`, by PIPESQL_TORCH or by what the machine has."""
    choice = os.environ.get("PIPESQL_TORCH") or "auto"
    if choice not in ("auto", "cpu", "cuda"):
        raise SetupError(f"PIPESQL_TORCH={choice!r} is not a choice: set it to auto, cpu or cuda")
    if choice != "auto":
        return choice
    if shutil.which("nvidia-smi") is None:
        return "cpu"
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return "cuda" if listed.returncode == 0 and "GPU" in listed.stdout else "cpu"


def torch_build(version: str) -> str:
    """What build a version of torch is, by its local label: `cpu`, `cuda`, or `plain` where PyPI labels none."""
    label = version.partition("+")[2]
    return "cpu" if label == "cpu" else "cuda" if label.startswith("cu") else "plain"


def install_torch() -> str:
    """Install the build of torch that this machine wants, by pip, which sees its configured places too."""
    pin = f"torch=={locked('torch')}"
    wanted, have = wanted_torch(), installed("torch")
    # PyPI's unlabelled wheel is the CUDA build on Linux and the CPU build elsewhere.
    plain_is = "cuda" if platform.system() == "Linux" else "cpu"
    right = have.partition("+")[0] == pin.removeprefix("torch==") and wanted in (torch_build(have), plain_is)
    if right and (torch_build(have) != "plain" or wanted == plain_is):
        return f"{have}, already there"
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", LOCK]
    if wanted == "cpu" and platform.system() == "Linux":
        # Few tries and short waits, so that a machine that cannot reach the index goes on without it.
        command += ["--extra-index-url", CPU_INDEX, "--retries", "1", "--timeout", "15"]
    if have:
        run([PYTHON, "-m", "pip", "uninstall", "--yes", "torch"], "removing the other build of torch")
    run([*command, pin], "installing torch")
    have = installed("torch")
    build = torch_build(have)
    if wanted == "cuda" and build == "cpu":
        raise SetupError(
            f"torch {have} is a CPU build though CUDA is wanted: remove the find-links that offer it to pip"
        )
    if wanted == "cpu" and build != "cpu" and plain_is == "cuda":
        return f"{have}, the CUDA build: no CPU build to be had, it serves all the same"
    return f"{have}, for {wanted.upper()}"


def uv_environment() -> dict[str, str]:
    """What uv needs to find packages where pip finds them: uv does not read pip's configuration."""
    if any(os.environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        return {}
    settings = run([PYTHON, "-m", "pip", "config", "list"], "reading pip's configuration")
    for line in settings.splitlines():
        name, _, value = line.partition("=")
        if name.rpartition(".")[2] == "index-url":
            return {"UV_DEFAULT_INDEX": value.strip("'\"")}
    return {}


def install_lock(dev: bool) -> str:
    """Install exactly what the locks pin; torch, which they leave out, is not touched."""
    locks = [LOCK, DEV_LOCK] if dev else [LOCK]
    files = [part for lock in locks for part in ("-r", lock)]
    # Compiled now, because every step starts a process, and an uncompiled MLflow takes 20 s to import.
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--compile-bytecode"]
    said = run([*uv, *files], "installing the locked packages", uv_environment())
    count = next((line.split()[1] for line in said.splitlines() if line.startswith("Installed ")), "0")
    return f"{count} packages from {' and '.join(lock.name for lock in locks)}"


def install_project() -> str:
    """Install this checkout, editable, so that the command `pipesql` and MLflow's plug-ins are there."""
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--no-build-isolation"]
    run([*uv, "--editable", ROOT], "installing pipesql")
    return f"pipesql {installed('pipesql')}, editable"


def make_store() -> str:
    """Create the tracking store and its experiment."""
    code = "from pipesql.tracking.store import use_store; import mlflow; use_store(); print(mlflow.get_tracking_uri())"
    return run([PYTHON, "-c", code], "creating the tracking store").splitlines()[-1]


def main() -> int:
    """Run every stage; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="also install what tests and checks need")
    dev = parser.parse_args().dev
    if sys.version_info < (3, 11):  # noqa: UP036
        print(f"pipesql needs Python 3.11 or newer; this is {platform.python_version()}", file=sys.stderr)
        return 1
    print("Setting up pipesql" + (" for development" if dev else ""), flush=True)
    stages = [
        ("environment", make_environment),
        ("uv", install_uv),
        ("torch", install_torch),
        ("packages", lambda: install_lock(dev)),
        ("project", install_project),
        ("tracking", make_store),
    ]
    try:
        for name, work in stages:
            with stage(name) as said:
                said.append(work())
    except SetupError as e:
        print(f"set-up: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
