"""A build on Spark gives what a build on this machine gives; without pyspark it says what to install."""

import shutil
import sys
from pathlib import Path

import pytest

from pipesql import benchmarks, golden
from pipesql.errors import BadInput


@pytest.mark.long
@pytest.mark.spark
def test_the_same_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed (pip install 'pipesql[spark]')")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java, and there is none")
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    questions = benchmarks.load("demo", str(tmp_path / "demo"))
    assert golden.build(questions, engine="spark") == golden.build(questions)
    (tmp_path / "broken.sqlite").write_text("no database " * 100)
    broken = [q.__class__(**{**vars(q), "database": str(tmp_path / "broken.sqlite")}) for q in questions[:1]]
    with pytest.raises(BadInput, match="is not a SQLite database"):
        golden.build(broken, engine="spark")


def test_without_pyspark_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(BadInput, match=r"pip install 'pipesql\[spark\]'"):
        golden.build(benchmarks.load("demo", str(tmp_path))[:1], engine="spark")
