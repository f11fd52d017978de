"""The examples of docs/reference/language.md give the rows and the lowered SQL that stand below them.

`PIPESQL_UPDATE_GOLDEN=1 pytest tests/pipe/test_language_page.py` writes them anew.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "language.md"
TABLES = """
    CREATE TABLE singer (singer_id INTEGER, name TEXT, age INTEGER, country TEXT);
    INSERT INTO singer VALUES (1, 'Ann', 31, 'France'), (2, 'Bob', 25, 'Chile'), (3, 'Cem', NULL, 'France'),
        (4, 'Dan', 25, NULL);
    CREATE TABLE concert (concert_id INTEGER, singer_id INTEGER, year INTEGER, hall TEXT, price INTEGER);
    INSERT INTO concert VALUES (10, 1, 2014, 'Opera', 20), (11, 1, 2015, 'Arena', 35), (12, 2, 2014, NULL, 20),
        (13, NULL, 2016, 'Barn', 5);
"""
OPENING, ROWS, LOWERED, END = "```sql\n", "```text\n", '```sql title="on SQLite"\n', "\n```\n"


def examples() -> list[tuple[str, str]]:
    """Each example with what the page shows below it: its rows, and the SQL that it is lowered to for SQLite."""
    found = []
    for part in PAGE.read_text(encoding="utf-8").split(OPENING)[1:]:
        query, _, rest = part.partition(END)
        below = ""
        for opening in (ROWS, LOWERED):
            if rest.startswith(opening):
                block, _, rest = rest.partition(END)
                below += block + END
        found.append((query, below))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    schema = Database(path).schema

    def shown(text: str) -> str:
        sql = lower(parse(text), schema)
        cursor = connection.execute(sql)
        rows = [[d[0] for d in cursor.description], *(["NULL" if v is None else str(v) for v in r] for r in cursor)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        table = "\n".join(" | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)
        return ROWS + table + END + LOWERED + sql + END

    yield shown
    connection.close()


@pytest.mark.parametrize(("query", "below"), examples())
def test_example(query, below, run) -> None:
    assert print_query(parse(query)) == query, "examples stand in canonical form"
    if os.environ.get("PIPESQL_UPDATE_GOLDEN"):
        page = PAGE.read_text(encoding="utf-8")
        old = OPENING + query + END
        PAGE.write_text(page.replace(old + below, old + run(query)), encoding="utf-8")
    else:
        assert run(query) == below
