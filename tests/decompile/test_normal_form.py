"""The normal form: what differs in case, aliases or quotes alone becomes one text, in the schema's names."""

from __future__ import annotations

import sqlite3

import pytest

from pipesql.decompile import decompile
from pipesql.execution.database import Database
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.schema import Schema
from tests.conformance.normal_form import Gold, Report, check
from tests.support import golden_cases

GOLDS = [
    pytest.param(case.parts["gold"], id=f"{path.stem}: {case.name}")
    for path in golden_cases.files()
    for case in golden_cases.read(path)
    if "pipe" in case.parts and "dialect" not in case.parts
]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("normal") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((golden_cases.FOLDER / "database.sql").read_text(encoding="utf-8"))
    connection.close()
    return path


@pytest.fixture(scope="module")
def schema(database) -> Schema:
    return Database(database).schema


@pytest.mark.parametrize("gold", GOLDS)
def test_a_gold_in_other_words_gives_the_same_text(gold: str, database, schema) -> None:
    report = Report()
    check(Gold("gold", gold, database), schema, report, seed=1)
    assert not report.violations, "\n".join(report.violations)


SAME = [
    (
        "SELECT T1.NAME FROM Singer AS T1 WHERE t1.AGE > 1",
        'SELECT "name" FROM singer WHERE "singer"."Age" > 1',
        "select name as Name from SINGER x where x.age > 1;",
    ),
    (
        "SELECT a.name FROM singer a JOIN singer b ON a.age = b.age",
        "SELECT T1.name FROM singer AS T1 JOIN singer AS T2 ON T1.age = T2.age",
    ),
    (
        "SELECT n FROM (SELECT COUNT(*) AS n, year FROM concert GROUP BY year) JOIN hall ON n = seats",
        "SELECT q.N FROM (SELECT count(*) AS n, Year FROM concert GROUP BY YEAR) AS q JOIN hall AS t ON q.n = t.seats",
    ),
    (
        "WITH old AS (SELECT * FROM singer WHERE age > 26) SELECT name FROM old",
        "WITH old AS (SELECT * FROM singer WHERE age > 26) SELECT o.name FROM OLD AS o",
    ),
    (
        "SELECT COUNT(*) FROM singer GROUP BY country",
        "SELECT count(*) FROM singer AS s GROUP BY s.Country",
    ),
]


@pytest.mark.parametrize("golds", SAME)
def test_one_text(golds: tuple[str, ...], schema) -> None:
    assert len({print_query(decompile(gold, schema)) for gold in golds}) == 1
