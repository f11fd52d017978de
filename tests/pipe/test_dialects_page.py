"""The tables of docs/reference/dialects.md say what lowering writes.

A row's first cell is an expression, an aggregate or a whole query over the tables of `expressions`; the others are what
SQLite, DuckDB, PostgreSQL and Spark are given. `PIPESQL_UPDATE_GOLDEN=1 pytest tests/pipe/test_dialects_page.py` writes
them anew.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from pipesql.errors import PipesqlError, UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.schema import Schema
from tests.support.queries.expressions import VALUES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dialects.md"
ENGINES = ("sqlite", "duckdb", "postgres", "spark")
REFUSED = "refused"


def rows() -> list[str]:
    """The rows whose first cell is code."""
    return [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]


def cells(row: str) -> list[str]:
    """A row's cells; `\\|` is a bar inside one."""
    return [c.strip().replace("\0", "|") for c in row.replace("\\|", "\0").strip("|").split(" | ")]


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> Schema:
    path = tmp_path_factory.mktemp("page") / "values.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(VALUES)
    connection.close()
    return Database(path).schema


def written(code: str, schema: Schema, dialect: str) -> str:
    """A cell: what the code is lowered to, `same`, or `refused`."""
    whole = code.startswith(("FROM ", "SELECT "))
    forms = [code] if whole else [f"FROM v |> SELECT {code} AS x", f"FROM v |> AGGREGATE {code} AS x"]
    for text in forms:
        try:
            sql = lower(parse(text), schema, dialect)
            plain = lower(parse(text), schema, "bigquery")
        except UnsupportedSql:
            return REFUSED
        except PipesqlError:
            if text == forms[-1]:
                raise
            continue
        return "same" if sql == plain and not whole else f"`{_shown(sql, whole)}`"
    raise AssertionError(code)


def _shown(sql: str, whole: bool) -> str:
    return sql if whole else sql.removeprefix("SELECT ").removesuffix(" FROM v").removesuffix(" AS x")


def made(row: str, schema: Schema) -> str:
    """The row as it should be."""
    code = cells(row)[0].strip("`")
    out = [f"`{code}`", *(written(code, schema, dialect) for dialect in ENGINES)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in out) + " |"


def test_the_page_says_what_is_written(schema) -> None:
    if os.environ.get("PIPESQL_UPDATE_GOLDEN"):
        page = PAGE.read_text(encoding="utf-8").splitlines()
        lines = [made(line, schema) if line.startswith("| `") else line for line in page]
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert rows(), "the page has no tables"
    assert [row for row in rows() if row != made(row, schema)] == []
