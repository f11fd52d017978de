"""Few files in a folder, few short ones, no cycles; `experiments/structure.py` counts planted ones right."""

from __future__ import annotations

from pathlib import Path

from experiments.structure import static_counts

ROOT = Path(__file__).resolve().parents[2]


def test_folders_are_rooms_and_files_are_subjects() -> None:
    """At most 15 files in a folder, at most 20 under 40 lines, and no group of modules that import each other."""
    found = static_counts(ROOT)
    assert {folder: n for folder, n in found["files"]["folders"].items() if n > 15} == {}
    assert len(found["files"]["short"]) <= 20, found["files"]["short"]
    assert found["cycles"] == {"modules": [], "siblings": []}


def counted(root: Path, **files: str) -> dict:
    for name, text in {"__init__": "", **files}.items():
        path = root / "pipesql" / f"{name.replace('__in__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return static_counts(root)


def test_imports_for_types_and_in_functions_close_a_cycle(tmp_path: Path) -> None:
    found = counted(
        tmp_path,
        a="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pipesql.b import B\n",
        b="def f():\n    from . import c\n",
        c="import pipesql.a\n",
        d="from pipesql import a\n",
    )
    cycle = [["pipesql.a", "pipesql.b", "pipesql.c"]]
    assert found["cycles"] == {"modules": cycle, "siblings": cycle}


def test_siblings_may_be_a_cycle_where_modules_are_none(tmp_path: Path) -> None:
    found = counted(
        tmp_path,
        one__in__a="from pipesql.two.a import x\n",
        one__in__b="",
        two__in__a="",
        two__in__b="from ..one.b import y\n",
    )
    assert found["cycles"] == {"modules": [], "siblings": [["pipesql.one", "pipesql.two"]]}


def test_files_are_counted_by_folder_and_length(tmp_path: Path) -> None:
    found = counted(tmp_path, a="\n" * 39, b="\n" * 40, c="\n" * 301, one__in____init__="", one__in__d="\n" * 300)[
        "files"
    ]
    assert (found["largest_folder"], found["largest_folder_count"], found["modules"]) == ("pipesql", 3, 6)
    assert (found["short"], found["long"]) == ({"pipesql/a.py": 39}, {"pipesql/c.py": 301})
