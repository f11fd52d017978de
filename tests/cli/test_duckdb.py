"""`run` and `explain` on a DuckDB file: lowered to DuckDB, run by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipesql.cli.main import main

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def path(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "music.duckdb")) as connection:
        connection.execute("CREATE TABLE singer (name VARCHAR, age INTEGER, since DATE)")
        connection.execute("INSERT INTO singer VALUES ('Ann', 31, '2020-02-01'), ('Bob', 20, '2021-05-01')")
    return str(tmp_path / "music.duckdb")


def test_run(path: str) -> None:
    done = CliRunner().invoke(
        main, ["run", "--db", path, "--json", "FROM singer |> WHERE age > 20 |> SELECT age / 2 AS half"]
    )
    assert (done.exit_code, done.stdout) == (0, '{"half": 15.5}\n')


def test_explain(path: str) -> None:
    done = CliRunner().invoke(
        main, ["explain", "--db", path, "--sql", "FROM singer |> SELECT DIV(age, 2) AS half, since"]
    )
    assert done.exit_code == 0, done.output
    assert "age // 2" in done.stdout
    assert "15" in done.stdout and "2020-02-01" in done.stdout
