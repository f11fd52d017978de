"""The examples of docs/language.md give the rows that stand below them.

`PIPESQL_UPDATE_GOLDEN=1 pytest tests/pipe/test_language_page.py` writes the rows anew.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from pipesql.execution.schema import read_schema
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_query

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
TABLES = """
    CREATE TABLE singer (singer_id INTEGER, name TEXT, age INTEGER, country TEXT);
    INSERT INTO singer VALUES (1, 'Ann', 31, 'France'), (2, 'Bob', 25, 'Chile'), (3, 'Cem', NULL, 'France'),
        (4, 'Dan', 25, NULL);
    CREATE TABLE concert (concert_id INTEGER, singer_id INTEGER, year INTEGER, hall TEXT, price INTEGER);
    INSERT INTO concert VALUES (10, 1, 2014, 'Opera', 20), (11, 1, 2015, 'Arena', 35), (12, 2, 2014, NULL, 20),
        (13, NULL, 2016, 'Barn', 5);
"""
OPENING, ROWS = "```sql\n", "```text\n"


def examples() -> list[tuple[str, str]]:
    """Each example with the rows that the page shows below it."""
    found = []
    for part in PAGE.read_text(encoding="utf-8").split(OPENING)[1:]:
        query, _, rest = part.partition("\n```\n")
        rows = rest.removeprefix(ROWS).partition("```")[0].rstrip("\n") if rest.startswith(ROWS) else ""
        found.append((query, rows))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    schema = read_schema(path)

    def shown(text: str) -> str:
        cursor = connection.execute(lower(parse(text), schema))
        rows = [[d[0] for d in cursor.description], *(["NULL" if v is None else str(v) for v in r] for r in cursor)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join(" | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)

    yield shown
    connection.close()


@pytest.mark.parametrize(("query", "rows"), examples())
def test_example(query, rows, run) -> None:
    assert print_query(parse(query)) == query, "examples stand in canonical form"
    if os.environ.get("PIPESQL_UPDATE_GOLDEN"):
        page = PAGE.read_text(encoding="utf-8")
        old = f"{OPENING}{query}\n```\n" + (f"{ROWS}{rows}\n```\n" if rows else "")
        PAGE.write_text(page.replace(old, f"{OPENING}{query}\n```\n{ROWS}{run(query)}\n```\n"), encoding="utf-8")
    else:
        assert run(query) == rows
