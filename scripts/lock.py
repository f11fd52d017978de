"""Resolve pyproject.toml into requirements.lock, requirements-torch.lock, requirements-dev.lock and conda.yaml.

    python scripts/lock.py              resolve anew, keeping the versions that still fit (needs the network)
    python scripts/lock.py --upgrade    resolve anew, with the newest versions
    python scripts/lock.py --check      only compare conda.yaml with the locks; no network; exit status 1 if it is stale

pyproject.toml allows ranges, the locks name one version each. They hold for every platform and Python from 3.11 on.
The CUDA libraries that only torch asks for are left out, and torch has a lock of its own: which build is right depends
on the machine, so `scripts/setup.py` chooses it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, TORCH, DEV, CONDA = (
    ROOT / name for name in ("requirements.lock", "requirements-torch.lock", "requirements-dev.lock", "conda.yaml")
)
HEADER = "# Made by `python scripts/lock.py` from pyproject.toml; do not edit. torch is chosen by scripts/setup.py.\n"
CONDA_PYTHON = "3.11"


def names_and_pins(lock: Path) -> list[str]:
    """The requirement lines of a lock, comments left out."""
    return [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def belongs_to_torch(name: str) -> bool:
    """True for torch and for the libraries that come with its CUDA build."""
    return name in ("torch", "triton") or (name.startswith(("nvidia-", "cuda-")) and name != "nvidia-ml-py")


def compile_lock(extras: list[str], keep: list[Path], without: list[str]) -> list[str]:
    """Resolve the project with these extras for every platform; returns requirement lines in order of name."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--universal",
        "--python-version",
        "3.11",
    ]
    command += ["--quiet", "--no-header", "--no-annotate"]
    command += [part for extra in extras for part in ("--extra", extra)]
    command += [part for name in without for part in ("--no-emit-package", name)]
    with tempfile.TemporaryDirectory() as folder:
        for number, lock in enumerate(path for path in keep if path.is_file()):
            pins = Path(folder) / f"keep-{number}.txt"
            pins.write_text("\n".join(names_and_pins(lock)) + "\n", encoding="utf-8")
            command += ["--constraint", str(pins)]
        out = Path(folder) / "out.txt"
        subprocess.run([*command, "--output-file", str(out)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return names_and_pins(out)


def conda_text() -> str:
    """What conda.yaml must hold: python and pip, and by pip the runtime lock with torch."""
    pins = sorted([*names_and_pins(RUNTIME), *names_and_pins(TORCH)])
    listed = "".join(f"      - {pin!r}\n" if "'" not in pin else f'      - "{pin}"\n' for pin in pins)
    head = HEADER.replace("pyproject.toml", "requirements.lock").replace(" torch is chosen by scripts/setup.py.", "")
    return (
        f"{head}name: pipesql\nchannels:\n  - conda-forge\ndependencies:\n"
        f"  - python={CONDA_PYTHON}\n  - pip\n  - pip:\n{listed}"
    )


def resolve(upgrade: bool) -> None:
    """Write the locks and conda.yaml."""
    kept = [] if upgrade else [RUNTIME, TORCH]
    first = compile_lock(["train"], kept, [])
    without = sorted({name for name in (pin.split("==")[0] for pin in first) if belongs_to_torch(name)})
    torch = [pin for pin in first if pin.startswith("torch==")]
    TORCH.write_text(HEADER + "\n".join(torch) + "\n", encoding="utf-8")
    runtime = compile_lock(["train"], [*kept, TORCH], without)
    RUNTIME.write_text(HEADER + "\n".join(runtime) + "\n", encoding="utf-8")
    both = compile_lock(["train", "dev", "docs"], [RUNTIME, TORCH], without)
    more = [pin for pin in both if pin not in set(runtime)]
    head = HEADER + "# What tests, checks and the documentation need beyond requirements.lock.\n"
    DEV.write_text(head + "\n".join(more) + "\n", encoding="utf-8")
    CONDA.write_text(conda_text(), encoding="utf-8")


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only say whether conda.yaml is current")
    options = parser.parse_args()
    if options.check:
        current = CONDA.is_file() and CONDA.read_text(encoding="utf-8") == conda_text()
        print("conda.yaml is current" if current else "conda.yaml is stale: run `python scripts/lock.py`")
        return 0 if current else 1
    resolve(options.upgrade)
    print(
        f"wrote {RUNTIME.name} ({len(names_and_pins(RUNTIME))}), {DEV.name} ({len(names_and_pins(DEV))}), {CONDA.name}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
