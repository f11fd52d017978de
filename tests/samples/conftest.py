"""The demo's golden pairs, made once for all tests of samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipesql import benchmarks, golden
from pipesql.records import GoldenPair


@pytest.fixture(scope="session")
def demo_pairs(tmp_path_factory: pytest.TempPathFactory) -> list[GoldenPair]:
    questions = benchmarks.load("demo", str(tmp_path_factory.mktemp("demo")))
    return golden.build(questions[::4]).pairs


@pytest.fixture(scope="session")
def spider_folder() -> Path:
    """The folder that PIPESQL_SPIDER names."""
    import os

    folder = os.environ.get("PIPESQL_SPIDER", "")
    if not folder:
        pytest.skip("set PIPESQL_SPIDER to a folder of Spider")
    return Path(folder)
