"""`import pipesql`: what it offers, what it costs, and what its functions promise beyond their examples."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import pipesql
from pipesql.pipe.schema import Column, Schema, Table

ROWS = [("Ann", "Rome", 31), ("Bob", "Oslo", 25), ("Cém", "Oslo", 47)]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (name TEXT, town TEXT, age INTEGER)")
        connection.executemany("INSERT INTO singer VALUES (?, ?, ?)", ROWS)
    connection.close()
    return path


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_import_loads_nothing_but_itself() -> None:
    loaded = python(
        "import sys; before = set(sys.modules); import pipesql\n"
        "print(*sorted(set(sys.modules) - before - {'__future__', 'typing'}))"
    )
    assert [name for name in loaded.split() if name.startswith("pipesql")] == ["pipesql", "pipesql.version"]
    heavy = {"sqlglot", "torch", "mlflow", "click", "numpy", "yaml", "sqlite3", "logging"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in loaded.split())


def test_a_conversion_loads_no_package_of_training() -> None:
    loaded = python("import sys, pipesql; pipesql.to_pipe('SELECT a FROM t'); print(*sys.modules)").split()
    assert {"torch", "mlflow", "click", "numpy", "yaml", "duckdb"}.isdisjoint(loaded)


def test_every_name_is_there_and_listed() -> None:
    for name in pipesql.__all__:
        assert getattr(pipesql, name) is not None
        assert name in dir(pipesql)
    with pytest.raises(AttributeError, match="no attribute 'to_pip'"):
        _ = pipesql.to_pip  # type: ignore[attr-defined]


def test_all_errors_are_of_one_base() -> None:
    raised = [found for name in pipesql.__all__ if isinstance(found := getattr(pipesql, name), type)]
    errors = [kind for kind in raised if issubclass(kind, Exception)]
    assert len(errors) > 10
    assert all(issubclass(kind, pipesql.PipesqlError) for kind in errors)


def test_a_database_a_path_and_a_text_are_the_same(music: Path) -> None:
    for database in (music, str(music), pipesql.Database(music)):
        assert pipesql.to_pipe("SELECT NAME FROM SINGER", database) == "FROM singer\n|> SELECT name"
        assert pipesql.run("FROM singer |> LIMIT 1 |> SELECT name", database).rows == [("Ann",)]
        assert [p.row_count for p in pipesql.explain("FROM singer |> LIMIT 1", database)] == [3, 1]


def test_limits_are_the_database_s_own_unless_they_are_given(music: Path) -> None:
    two_rows = pipesql.Database(music, pipesql.QueryLimits(max_rows=2))
    with pytest.raises(pipesql.TooManyRows, match="2 rows"):
        pipesql.run("FROM singer", two_rows)
    assert len(pipesql.run("FROM singer", two_rows, max_rows=3).rows) == 3


def test_a_schema_alone_is_enough_to_convert_and_check() -> None:
    schema = Schema((Table("singer", (Column("Name", "TEXT"), Column("age", "INTEGER"))),))
    assert pipesql.to_sql("FROM singer |> SELECT name", schema, dialect="duckdb") == "SELECT Name FROM singer"
    assert pipesql.check("FROM singer |> SELECT name", schema).columns == ("Name",)
    with pytest.raises(pipesql.InvalidOption, match="is run on a database"):
        pipesql.check("FROM singer", schema, run=True)


@pytest.mark.parametrize(
    ("query", "kind", "operator"),
    [
        ("FROM singer |> WHERE agee > 3", pipesql.UnknownName, 2),
        ("FROM singr", pipesql.UnknownName, 1),
        ("FROM singer |> WHERE COUNT(*) > 1", pipesql.SqlError, 2),
        ("FROM singer |> FOO 1", pipesql.SqlSyntaxError, None),
    ],
)
def test_check_raises_the_first_error_with_its_operator(
    music: Path, query: str, kind: type[pipesql.SqlError], operator: int | None
) -> None:
    with pytest.raises(kind) as raised:
        pipesql.check(query, music)
    assert operator is None or raised.value.operator == operator


def test_a_syntax_error_has_its_place() -> None:
    with pytest.raises(pipesql.SqlSyntaxError, match="line 2, column") as raised:
        pipesql.check("FROM singer\n|> WHERE (age")
    assert raised.value.position is not None and raised.value.position >= len("FROM singer\n")


def test_what_check_finds(music: Path) -> None:
    def found(query: str, run: bool = False) -> list[tuple[int, str]]:
        return [(f.operator, f.text.split(":")[0]) for f in pipesql.check(query, music, run=run).findings]

    assert found("FROM singer |> ORDER BY age |> LIMIT 2") == []
    assert found("FROM singer |> WHERE age > 3 |> LIMIT 2") == [(3, "LIMIT keeps any 2 rows")]
    assert found("FROM singer |> WHERE age > 300", run=True) == [(0, "it returns no rows")]
    assert found("FROM singer |> WHERE age > 300") == []


def test_what_two_results_differ_in(music: Path) -> None:
    def difference(gold: str, pipe: str) -> str:
        return pipesql.equal_results(gold, pipe, music).difference

    assert difference("SELECT name FROM singer ORDER BY age", "FROM singer |> ORDER BY age |> SELECT name") == ""
    assert difference("SELECT name FROM singer ORDER BY age", "FROM singer |> ORDER BY name |> SELECT name") == "order"
    assert difference("SELECT name FROM singer", "FROM singer |> SELECT name, age") == "columns"
    assert not pipesql.equal_results("SELECT name FROM singer", "FROM singer |> SELECT town", music)
