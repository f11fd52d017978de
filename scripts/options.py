"""Write what is made from the steps' options: MLproject and docs/reference/entry-points.md.

python scripts/options.py           write both
python scripts/options.py --check   only compare them with the options; exit status 1 if one is stale
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipesql.options import Option, options_of  # noqa: E402
from pipesql.workflows import STEPS, workflow  # noqa: E402

MLPROJECT = ROOT / "MLproject"
COMMAND = "python scripts/options.py"
TYPES = {str: "string", int: "int", float: "float", bool: "bool"}

PROJECT_HEAD = f"""\
# Made by `{COMMAND}` from pipesql/workflows; do not edit.
name: pipesql

# Where there is no conda, `make setup` has installed a stand-in for it: see docs/guides/mlflow.md.
conda_env: conda.yaml

# Every entry point is `python -m steps.<name>`, whose options have the same names, types and defaults.
# MLflow quotes each value by itself, so an empty one arrives as an empty argument.
entry_points:
"""


def options_class(step: str) -> type[Any]:
    """The dataclass of a step's options."""
    return typing.cast("type[Any]", typing.get_type_hints(workflow(step))["options"])


def default_of(option: Option) -> str:
    """The default as it stands in a file: 0 and 1 for false and true."""
    default = option.default
    return str(int(default)) if isinstance(default, bool) else '""' if default == "" else str(default)


def mlproject() -> str:
    """The text of MLproject."""
    parts = []
    for step in STEPS:
        declared = options_of(options_class(step))
        lines = [f"      {o.name}: {{type: {TYPES[o.kind]}, default: {default_of(o)}}}" for o in declared]
        words = " ".join(f"--{option.name}~{{{option.name}}}" for option in declared)
        wrapped = textwrap.fill(f"python -m steps.{step} {words}", 112, break_long_words=False, break_on_hyphens=False)
        command = wrapped.replace("~", " ")  # an option and its value stay on one line
        indented = textwrap.indent(command, " " * 6)
        parts.append(f"  {step}:\n    parameters:\n{chr(10).join(lines)}\n    command: >-\n{indented}\n")
    return PROJECT_HEAD + "\n".join(parts)


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether MLproject is current")
    checking, text = parser.parse_args().check, mlproject()
    if MLPROJECT.is_file() and MLPROJECT.read_text(encoding="utf-8") == text:
        print("MLproject is current")
        return 0
    if checking:
        print(f"MLproject is stale: run `{COMMAND}`")
        return 1
    MLPROJECT.write_text(text, encoding="utf-8")
    print("wrote MLproject")
    return 0


if __name__ == "__main__":
    sys.exit(main())
