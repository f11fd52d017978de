"""The examples in the docstrings of the front door are run."""

from __future__ import annotations

import doctest
import importlib
import sqlite3
from pathlib import Path

import pytest

import pipesql

MODULES = ("ask", "check", "convert", "execute", "plan", "samples", "score")
NEEDED = {"ask": "torch"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the database of the examples."""
    with sqlite3.connect(tmp_path / "music.sqlite") as connection:
        connection.execute("CREATE TABLE singer (name TEXT, town TEXT, age INTEGER)")
        connection.executemany(
            "INSERT INTO singer VALUES (?, ?, ?)", [("Ann", "Rome", 31), ("Bob", "Oslo", 25), ("Cém", "Oslo", 47)]
        )
    connection.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name: str, folder: Path) -> None:
    pytest.importorskip(NEEDED.get(name, "pipesql"))
    module = importlib.import_module(f"pipesql.api.{name}")
    failed, _ = doctest.testmod(
        module, extraglobs={"pipesql": pipesql}, optionflags=doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS
    )
    assert failed == 0


def test_every_module_is_listed() -> None:
    assert {path.stem for path in Path(pipesql.__file__).parent.glob("api/*.py")} == {*MODULES, "__init__"}


def test_every_function_of_the_front_door_has_an_example_or_says_how_it_is_called() -> None:
    for name in pipesql.__all__:
        found = getattr(pipesql, name)
        if callable(found) and not isinstance(found, type):
            text = found.__doc__ or ""
            assert f"pipesql.{name}(" in text, name
            assert "Raises" in text, name
