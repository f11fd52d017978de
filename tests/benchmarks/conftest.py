"""The demo benchmark, built once for all its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipesql.benchmarks.demo import build, questions
from pipesql.records import Question


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo")
    build(target)
    return target


@pytest.fixture(scope="session")
def asked(folder: Path) -> list[Question]:
    return questions(folder)
