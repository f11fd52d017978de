"""`python experiments/structure.py [--root CHECKOUT] [--json FILE]`: how much of pipesql one has to know at once.

It counts, in any checkout:

- **Modules entered** while a conversion, a training and an evaluation run. The entry point is imported
  (`pipesql.cli.main`, `steps.train`, `steps.evaluate`); then `sys.setprofile` and `threading.setprofile` watch its
  `main` until it returns. A module of `pipesql` counts as entered when Python enters a frame of its code (told by the
  frame's `__name__`) other than the frame `<module>` that an import runs. So functions, methods, lambdas and generators
  count, and so do the bodies of classes in modules that are imported meanwhile; a module that is imported for its
  constants alone does not. By this rule `to-pipe` of a join with a group enters 59 modules at commit f68b543. Beside it
  stands the count without class bodies, `by functions`: what is left when modules are counted only for what they do.
- **Files**: the largest folder (`.py` files in it but `__init__.py`), files under 40 and over 300 lines.
- **Import cycles**: groups of modules that import each other, with imports for types (`if TYPE_CHECKING`) and imports
  in functions included; and the same between the children of each package, as import-linter's `acyclic_siblings`.

Everything runs in a copy of the checkout in a temporary folder, with a tracking store and a model cache of its own, by
the interpreter that runs this script. Each step is a process; only that process is watched, not those that it starts.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import runpy
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = "pipesql"
SHORT, LONG = 40, 300
"""A file under the one or over the other number of lines is listed."""
CO_OPTIMIZED = 0x1
"""Set in the code of functions, not in that of modules and classes."""
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "output", "mlruns", "mlflow.db*", "__pycache__", ".*_cache")
TABLES = """
CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INTEGER);
CREATE TABLE concert (id INTEGER PRIMARY KEY, singer_id INTEGER REFERENCES singer(id), year INTEGER);
INSERT INTO singer VALUES (1, 'Ann', 'Peru', 31), (2, 'Bob', 'Chad', 25);
INSERT INTO concert VALUES (1, 1, 2001), (2, 1, 2002), (3, 2, 2002);
"""
QUERY = "SELECT s.country, COUNT(*) FROM singer AS s JOIN concert AS c ON c.singer_id = s.id GROUP BY s.country"
STEPS: tuple[tuple[str, str, bool, tuple[str, ...]], ...] = (
    ("to-pipe", "pipesql.cli.main", True, ("to-pipe", "--db", "music.sqlite", QUERY)),
    ("data", "steps.data", False, ("--benchmark", "demo", "--limit", "6", "--workers", "1")),
    ("train", "steps.train", True, ("--model", "tiny", "--recipe", "tiny", "--limit", "4")),
    ("merge", "steps.merge", False, ()),
    ("evaluate", "steps.evaluate", True, ("--limit", "4", "--base", "0")),
)
"""Name, module of the entry point, whether it is watched, and arguments; a later step needs what earlier ones left."""

Graph = dict[str, set[str]]


def main() -> None:
    """Count, print a table and write JSON."""
    parser = argparse.ArgumentParser(description="Count what there is to know at once in a checkout of pipesql.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout")
    parser.add_argument("--json", type=Path, help="a file for all counts, with the names of what was counted")
    parser.add_argument("--static", action="store_true", help="count files and cycles alone: a second, nothing is run")
    options = parser.parse_args()
    found: dict[str, Any] = {"commit": commit(options.root), **static_counts(options.root)}
    if not options.static:
        found["entered"] = entered(options.root)
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def commit(root: Path) -> str:
    """The commit that is checked out, with a plus where files differ from it; empty outside git."""
    git = ["git", "-C", str(root)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", PACKAGE], capture_output=True, text=True, check=False)
    return head + "+" * bool(changed.stdout.strip())


def table(found: Mapping[str, Any]) -> str:
    """The counts, one a line."""
    files, cycles = found["files"], found["cycles"]
    rows = [(f"modules entered by {name}", counts["count"]) for name, counts in found.get("entered", {}).items()]
    rows += [(f"  of them by functions, {name}", c["by_functions"]) for name, c in found.get("entered", {}).items()]
    rows += [
        ("modules", files["modules"]),
        (f"files in the largest folder ({files['largest_folder']})", files["largest_folder_count"]),
        (f"files under {SHORT} lines, __init__ apart", len(files["short"])),
        (f"files over {LONG} lines", len(files["long"])),
        ("import cycles between modules", len(cycles["modules"])),
        ("import cycles between siblings", len(cycles["siblings"])),
    ]
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {count:>4}" for label, count in rows)


# ---- what is counted by reading files


def static_counts(root: Path) -> dict[str, Any]:
    """Files and import cycles of the package in a checkout."""
    paths = sorted((root / PACKAGE).rglob("*.py"))
    lines = {str(p.relative_to(root)): len(p.read_text(encoding="utf-8").splitlines()) for p in paths}
    flat: dict[str, int] = defaultdict(int)
    for name in (own := [n for n in lines if not n.endswith("/__init__.py")]):
        flat[str(Path(name).parent)] += 1
    largest = max(flat, key=lambda folder: flat[folder])
    graph = imports({module_name(p.relative_to(root)): p for p in paths})
    return {
        "files": {
            "modules": len(paths),
            "largest_folder": largest,
            "largest_folder_count": flat[largest],
            "folders": dict(sorted(flat.items(), key=lambda item: -item[1])),
            "short": {name: lines[name] for name in own if lines[name] < SHORT},
            "long": {name: lines[name] for name in own if lines[name] > LONG},
        },
        "cycles": {"modules": cycles(graph), "siblings": sibling_cycles(graph)},
    }


def module_name(path: Path) -> str:
    """`pipesql/pipe/__init__.py` as `pipesql.pipe`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(modules: Mapping[str, Path]) -> Graph:
    """For each module the modules of the package that it imports, wherever in the file the import stands."""
    graph: Graph = {}
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                source = node.module or ""
                if node.level:
                    above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                    source = f"{above}.{source}".rstrip(".")
                # What is imported may be a module, or a name that a module defines.
                wanted |= {n if (n := f"{source}.{alias.name}") in modules else source for alias in node.names}
        graph[name] = {n for n in wanted if n in modules and n != name}
    return graph


def cycles(graph: Graph) -> list[list[str]]:
    """Groups of two or more nodes each of which reaches all others of its group."""
    reached = {node: _reachable(graph, node) for node in graph}
    groups = {frozenset(m for m in reached[node] if node in reached[m]) for node in graph if node in reached[node]}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        if (node := todo.pop()) not in seen:
            seen.add(node)
            todo += graph[node]
    return seen


def sibling_cycles(graph: Graph) -> list[list[str]]:
    """Cycles between the children of each package, a child standing for everything in it."""
    found = []
    parts = [name.split(".") for name in graph]
    for package in sorted({".".join(p[:depth]) for p in parts for depth in range(1, len(p))}):
        between: Graph = {child: set() for name in graph if (child := _child(name, package))}
        for name, targets in graph.items():
            if child := _child(name, package):
                between[child] |= {other for t in targets if (other := _child(t, package)) and other != child}
        found += cycles(between)
    return found


def _child(name: str, package: str) -> str:
    """The child of `package` in which a module lies, itself included; empty where it lies elsewhere."""
    inside = name.removeprefix(f"{package}.")
    return "" if inside == name else f"{package}.{inside.partition('.')[0]}"


# ---- what is counted by running


def entered(root: Path) -> dict[str, Any]:
    """The modules that each of the watched steps enters, by its name."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="structure-") as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(root, copy, ignore=LEFT_OUT)
        with closing(sqlite3.connect(copy / "music.sqlite")) as database:
            database.executescript(TABLES)
        for name, module, watched, arguments in STEPS:
            out = Path(scratch) / f"{name}.json"
            _run(copy, [str(out), str(int(watched)), module, *arguments])
            if watched:
                found[name] = _counted(json.loads(out.read_text(encoding="utf-8")))
    return found


def _counted(frames: Mapping[str, bool]) -> dict[str, Any]:
    return {"count": len(frames), "by_functions": sum(frames.values()), "modules": sorted(frames)}


def _run(copy: Path, arguments: list[str]) -> None:
    """Run one step in a process of its own, with the copy alone to import from and to write to."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PIPESQL_", "PYTHON"))}
    own = {
        "PYTHONPATH": str(copy),
        "PIPESQL_CACHE": str(copy.parent / "cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{copy}/mlflow.db",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    # -P: this script's folder is not a place to import from.
    command = [sys.executable, "-P", str(Path(__file__).resolve()), WATCH, *arguments]
    done = subprocess.run(command, cwd=copy, env=kept | own, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments[2:])} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


WATCH = "--watch"
"""First argument of the process that runs a step: then a file for what it entered, 0 or 1, module and arguments."""


def watch(out: Path, watched: bool, module: str, arguments: list[str]) -> None:
    """Run an entry point; write the names of the modules entered, and whether any of it was a function's frame."""
    frames: dict[str, bool] = {}

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_globals.get("__name__")
        if event != "call" or not isinstance(name, str) or name.partition(".")[0] != PACKAGE:
            return
        code = frame.f_code
        if code.co_name != "<module>":
            frames[name] = frames.get(name, False) or bool(code.co_flags & CO_OPTIMIZED)

    sys.argv = [module, *arguments]
    command = getattr(importlib.import_module(module), "main", None)
    place = Path(importlib.import_module(PACKAGE).__file__ or "")
    if not place.is_relative_to(Path.cwd()):
        sys.exit(f"{PACKAGE} was imported from {place}, not from the copy of the checkout")
    if watched:
        threading.setprofile(profile)
        sys.setprofile(profile)
    try:
        if command is None:
            runpy.run_module(module, run_name="__main__")
        else:
            command(arguments, prog_name=module, standalone_mode=False)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    out.write_text(json.dumps(frames), encoding="utf-8")


def _watch_from(arguments: Iterable[str]) -> None:
    out, watched, module, *rest = arguments
    watch(Path(out), watched == "1", module, rest)


if __name__ == "__main__":
    if sys.argv[1:2] == [WATCH]:
        _watch_from(sys.argv[2:])
    else:
        main()
