"""What SQLite converts in silence is written out, and still gives the gold's rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipesql.decompile import decompile
from pipesql.execution.database import Database
from pipesql.execution.sqlite import SqliteConnection
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("affinity") / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE item (id INTEGER PRIMARY KEY, code VARCHAR(9), amount INTEGER, price REAL, sold DATE, note);
        INSERT INTO item VALUES
            (1, '7', 10, 1.5, '2020', 'x'), (2, '007', -3, 2.0, 2021, 3), (3, '12abc', NULL, NULL, NULL, NULL),
            (4, '2.0', 'many', 'cheap', 'never', '3'), (5, NULL, 10, 2.0, '2020-01-01', 3.0),
            (6, '-3', 7, 10.0, 2020, 7);
        """
    )
    connection.close()
    return path


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("code = 7", "code = '7'"),
        ("code = 007", "code = '7'"),
        ("code > 1", "code > '1'"),
        ("code = 2.0", "code = '2.0'"),
        ("code IN (7, 12, -3)", "code IN ('7', '12', '-3')"),
        ("code BETWEEN 1 AND 8", "code BETWEEN '1' AND '8'"),
        ("7 = code", "'7' = code"),
        ("amount = '10'", "amount = 10"),
        ("amount > '-5'", "amount > -5"),
        ("amount <> ' 7 '", "amount <> 7"),
        ("amount = 'many'", "amount = 'many'"),
        ("amount < '1e1'", "amount < '1e1'"),
        ("price = '2'", "price = 2"),
        ("price >= '1.50'", "price >= 1.50"),
        ("price NOT IN ('2.0', '10')", "price NOT IN (2.0, 10)"),
        ("sold = '2020'", "sold = '2020'"),
        ("note = '3'", "note = '3'"),
        ("code || 1 = 71", "code || 1 = 71"),
    ],
)
def test_a_literal_takes_the_type_of_the_column_beside_it(db, condition: str, written: str) -> None:
    text = print_query(decompile(f"SELECT id FROM item WHERE {condition}", Database(db).schema))
    assert text == f"FROM item\n|> WHERE {written}\n|> SELECT id"
    assert same_rows(db, f"SELECT id FROM item WHERE {condition}")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("AVG(code)", "AVG(CAST(code AS FLOAT64))"),
        ("SUM(code)", "SUM(CAST(code AS FLOAT64))"),
        ("AVG(DISTINCT code)", "AVG(DISTINCT code)"),
        ("AVG(amount)", "AVG(amount)"),
        ("MAX(code)", "MAX(code)"),
    ],
)
def test_texts_are_read_as_numbers_by_a_cast(db, value: str, written: str) -> None:
    gold = f"SELECT {value} FROM item"
    assert written in print_query(decompile(gold, Database(db).schema))
    assert same_rows(db, gold)


@pytest.mark.parametrize(
    "gold",
    [
        "SELECT code = 7 AS hit, COUNT(*) FROM item GROUP BY code = 7 ORDER BY hit",
        "SELECT i.id FROM item AS i JOIN item AS j ON i.code = j.id AND j.amount = '10'",
        "SELECT id FROM item WHERE amount = (SELECT '10')",
        "SELECT code, AVG(code) AS a FROM item GROUP BY code HAVING AVG(code) > '1' ORDER BY AVG(code), code",
        "SELECT id FROM (SELECT id, code FROM item) AS t WHERE code = 7",
    ],
)
def test_it_holds_wherever_the_comparison_stands(db, gold: str) -> None:
    assert same_rows(db, gold)


READ = "SAFE_CAST(item_2.code AS FLOAT64)"


@pytest.mark.parametrize(
    ("gold", "read"),
    [
        ("SELECT i.id, j.id FROM item AS i JOIN item AS j ON i.id = j.code", True),
        ("SELECT i.id, j.id FROM item AS i JOIN item AS j ON j.code = i.amount AND (i.id > 1 OR j.code = i.id)", True),
        ("SELECT i.id FROM item AS i LEFT JOIN item AS j ON i.price = j.code WHERE j.code IS NULL", True),
        ("SELECT i.id FROM item AS i, item AS j WHERE i.id + 0 = j.code", False),
        ("SELECT i.id FROM item AS i, item AS j WHERE NOT i.id = j.code", False),
        ("SELECT i.id FROM item AS i, item AS j WHERE i.id <> j.code", False),
        ("SELECT i.id = j.code FROM item AS i, item AS j", False),
        ("SELECT i.id FROM item AS i, item AS j WHERE i.note = j.code", False),
    ],
)
def test_a_text_column_beside_a_numbers_is_read_as_numbers(db, gold: str, read: bool) -> None:
    text = print_query(decompile(gold, Database(db).schema))
    assert (READ in text) == read
    assert same_rows(db, gold)


def test_a_number_that_is_no_tables_column_is_compared_with_the_number_that_is_read(db) -> None:
    pipe = "FROM item |> AGGREGATE COUNT(*) AS n |> JOIN item ON n = SAFE_CAST(code AS FLOAT64) |> SELECT id"
    sql = lower(parse(pipe), Database(db).schema)
    assert "CASE WHEN CAST(item.code AS REAL) = item.code THEN CAST(item.code AS REAL) END" in sql


def same_rows(db: Path, gold: str) -> bool:
    schema = Database(db).schema
    back = lower(parse(print_query(decompile(gold, schema))), schema)
    with SqliteConnection(db) as database:
        return sorted(database.run(gold).rows, key=repr) == sorted(database.run(back).rows, key=repr)
