"""The oldest sqlglot that pyproject.toml allows gives the same rows as the one in the lock."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ROWS = (
    "tests/pipe/test_engines.py",
    "tests/pipe/test_google.py",
    "tests/pipe/test_golden.py",
    "tests/decompile/test_dialects.py",
)
SPELT_OTHERWISE = (
    "tests/pipe/test_golden.py::test_case[duckdb: values with names]",  # `y` is quoted
    "tests/pipe/test_golden.py::test_case[subquery: cte with column names]",  # `y` is quoted
    "tests/pipe/test_golden.py::test_case[where: is not a value]",  # IS DISTINCT FROM 25
)
DIALECTS = "tests/decompile/test_dialects.py::test_"
REFUSED = (
    "tests/pipe/test_engines.py::test_values_are_googles[duckdb]",  # INITCAP has a lambda that DuckDB 2 refuses
    DIALECTS + "duckdb[SELECT EXTRACT(year FROM DATE '2020-02-03'), year(DATE '2020-02-03')]",
    DIALECTS + "postgres[SELECT id FROM people ORDER BY id LIMIT ALL OFFSET 4]",
)
"""What only newer releases can do; the older ones end in an error, or in a function that GoogleSQL does not have."""


def oldest() -> str:
    """The lower bound of sqlglot."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = next(r for r in map(Requirement, project["dependencies"]) if r.name == "sqlglot")
    return next(s.version for s in wanted.specifier if s.operator == ">=")


@pytest.mark.long
def test_the_oldest_release_gives_the_same_rows(tmp_path: Path) -> None:
    release = f"{oldest()}.0" if oldest().count(".") == 1 else oldest()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--target", str(tmp_path), f"sqlglot=={release}", f"sqlglotc=={release}"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"sqlglot {release} cannot be installed here")
    left_out = [part for test in (*SPELT_OTHERWISE, *REFUSED) for part in ("--deselect", test)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *left_out, *ROWS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
