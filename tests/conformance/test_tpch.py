"""TPC-H, both ways; runs where `PIPESQL_TPCH_PAIRS` and `PIPESQL_TPCH` name the queries and the SQLite file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance import tpch


def test_all_checks_hold() -> None:
    pairs, database = (Path(os.environ.get(name, "nowhere")) for name in ("PIPESQL_TPCH_PAIRS", "PIPESQL_TPCH"))
    if not (pairs.is_file() and database.is_file()):
        pytest.skip("set PIPESQL_TPCH_PAIRS (JSON Lines) and PIPESQL_TPCH (a SQLite file) to run TPC-H")
    pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
    pytest.importorskip("zetasql", reason="Google's engine is not installed: pip install zetasql wasmtime")
    wrong = [str(v) for v in tpch.verdicts(pairs, database) if not all(v.holds.get(n) for n in tpch.CHECKS)]
    assert not wrong, "\n".join(wrong)
