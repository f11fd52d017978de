"""A stand-in for the `conda` command, for machines without one: it does with uv what MLflow asks of conda.

MLflow 3.17 runs `conda --help`, `conda env list --json`, `conda env create -n NAME --file FILE`, on failure
`conda remove --yes --name NAME --all`, and then, in the shell of the entry point,
`source <home>/etc/profile.d/conda.sh` and `conda activate NAME`. Here an environment NAME is

- this very environment, when it already holds every requirement of FILE (so that the build of torch that set-up
  chose for the machine is used, and nothing is installed twice), else
- one that uv creates.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import click

from pipesql.errors import InvalidFile, InvalidOption, PipesqlError, StorageError
from pipesql.storage import whole_path

_PREFIX = "prefix.txt"
"""The file in an environment's folder that holds the prefix of its interpreter. It is written last: an environment
without it is incomplete."""


def stand_in_home() -> Path:
    """The folder MLflow is pointed at: inside the virtual environment, else in the user's cache.

    MLflow writes it into a shell command without quotes, so a folder with a space or another special character in its
    name cannot be used.
    """
    inside = Path(sys.prefix) / "share" / "pipesql-conda"
    if sys.prefix != sys.base_prefix and shlex.quote(str(inside)) == str(inside):
        return inside
    import platformdirs

    cache = os.environ.get("PIPESQL_CACHE") or platformdirs.user_cache_dir("pipesql")
    return Path(cache) / "conda" / hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]


def write_stand_in() -> Path:
    """Write `bin/conda` and `etc/profile.d/conda.sh` if they are missing or differ; returns their home.

    Raises OSError where the folder cannot be written.
    """
    home = stand_in_home()
    conda = home / "bin" / "conda"
    quoted = shlex.quote(str(conda))
    command = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pipesql.tracking.conda "$@"\n'
    function = (
        "conda() {\n"
        f'    if [ "$1" = activate ]; then eval "$({quoted} shell.posix activate "$2" || echo false)"\n'
        f'    else {quoted} "$@"; fi\n'
        "}\n"
    )
    _write(conda, command, 0o755)
    _write(home / "etc" / "profile.d" / "conda.sh", function, 0o644)
    return home


def _write(path: Path, text: str, mode: int) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with whole_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
        scratch.chmod(mode)


def environments_folder() -> Path:
    """The folder of environments by name: `CONDA_ENVS_PATH`, which MLflow sets for served models, else the home's."""
    return Path(os.environ.get("CONDA_ENVS_PATH") or stand_in_home() / "envs")


def unmet(requirements: list[str]) -> list[str]:
    """The requirements that this environment does not meet, each with what is installed instead."""
    from packaging.requirements import InvalidRequirement, Requirement

    missing = []
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement as e:
            raise InvalidFile(f"{text!r} in the conda file is not a requirement: {e}") from e
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            have = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            missing.append(f"{text} (not installed)")
            continue
        if have not in wanted.specifier:
            missing.append(f"{text} (installed: {have})")
    return missing


def read_environment(file: Path) -> tuple[str, list[str]]:
    """The Python version, e.g. "3.11", and the pip requirements of a conda file.

    Raises InvalidFile if it cannot be read, or asks for a conda package besides python and pip.
    """
    import yaml

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        dependencies = document["dependencies"]
    except OSError as e:
        raise InvalidFile(f"cannot read {file}: {e.strerror}") from e
    except (yaml.YAMLError, TypeError, KeyError) as e:
        raise InvalidFile(f"{file} is not a conda environment file: it needs a list `dependencies`") from e
    python, pip = "", []
    for item in dependencies:
        name = item.replace(">", "=").replace("<", "=").split("=")[0].strip() if isinstance(item, str) else ""
        if name == "python":
            python = item.strip("python<>= ")
        elif isinstance(item, dict) and set(item) == {"pip"}:
            pip = [str(requirement) for requirement in item["pip"]]
        elif name not in ("pip", "setuptools", "wheel"):
            raise InvalidFile(f"{file} asks for {item!r}, which only conda itself can install: install conda")
    return python, pip


def serves(python: str) -> bool:
    """True if this interpreter has the required version, or a later one with the same major number."""
    wanted = tuple(int(part) for part in python.split(".")[:2] if part.isdigit())
    return sys.version_info[: len(wanted)] >= wanted and (not wanted or wanted[0] == sys.version_info[0])


def create(name: str, file: Path) -> Path:
    """Make environment `name` from a conda file: this one if it fits, else a new one by uv. Returns its prefix."""
    target = environments_folder() / name
    python, requirements = read_environment(file)
    missing = unmet(requirements) if serves(python) else [f"python {python} (running: {sys.version.split()[0]})"]
    _remove(target)
    target.mkdir(parents=True)
    if not missing:
        (target / _PREFIX).write_text(sys.prefix, encoding="utf-8")
        return Path(sys.prefix)
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    click.echo(f"pipesql: this environment lacks {shown}; creating another one with uv in {target}", err=True)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    prefix = target / "venv"
    _run([*uv, "venv", "--python", python or sys.executable, str(prefix)])
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("\n".join(requirements) + "\n")
        listed.flush()
        _run([*uv, "pip", "install", "--python", str(prefix / "bin" / "python"), "-r", listed.name])
    (target / _PREFIX).write_text(str(prefix), encoding="utf-8")
    return prefix


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise StorageError(f"uv could not create the environment: {shlex.join(command)} ended with {done.returncode}")


def _remove(target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)


def listed() -> dict[Path, Path]:
    """The folder of every complete environment, with the prefix of its interpreter."""
    recorded = sorted(environments_folder().glob(f"*/{_PREFIX}"))
    found = {file.parent: Path(file.read_text(encoding="utf-8")) for file in recorded}
    return {folder: prefix for folder, prefix in found.items() if (prefix / "bin" / "python").exists()}


def activation(name: str) -> str:
    """Shell text that puts environment `name` first. Raises InvalidOption if there is none of that name."""
    found = listed().get(environments_folder() / name)
    if found is None:
        raise InvalidOption(f"there is no environment {name}: `mlflow run` creates it")
    prefix = shlex.quote(str(found))
    return f'export VIRTUAL_ENV={prefix}\nexport PATH={prefix}/bin:"$PATH"\nunset PYTHONHOME\n'


@click.group(context_settings={"help_option_names": ["--help", "-h"]})
def main() -> None:
    """The part of conda that MLflow uses, done by uv."""


@main.group()
def env() -> None:
    """List and create environments."""


@env.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, as conda does.")
def list_command(as_json: bool) -> None:
    """List the environments by their folders."""
    folders = [str(p) for p in listed()]
    click.echo(json.dumps({"envs": folders}) if as_json else "\n".join(folders))


@env.command("create")
@click.option("-n", "--name", required=True, help="Name of the environment.")
@click.option("--file", "-f", required=True, type=click.Path(path_type=Path), help="A conda environment file.")
def create_command(name: str, file: Path) -> None:
    """Create an environment."""
    create(name, file)


@main.command()
@click.option("--yes", "-y", is_flag=True)
@click.option("-n", "--name", required=True)
@click.option("--all", "everything", is_flag=True)
def remove(yes: bool, name: str, everything: bool) -> None:
    """Remove an environment; if it is this one under another name, only that name."""
    _remove(environments_folder() / name)


@main.command("shell.posix")
@click.argument("action", type=click.Choice(["activate"]))
@click.argument("name")
def shell(action: str, name: str) -> None:
    """Print the shell text that activates an environment."""
    click.echo(activation(name))


if __name__ == "__main__":
    try:
        main(prog_name="conda", standalone_mode=True)
    except PipesqlError as error:
        sys.exit(f"pipesql's conda stand-in: {error}")
