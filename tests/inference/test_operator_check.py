"""What speaks against an operator: names, execution, rows, and the deadline."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.inference.operator_check import OperatorCheck

RUNAWAY = (
    "FROM singer",
    *(f"|> CROSS JOIN singer AS s{n}" for n in range(12)),
    "|> AGGREGATE COUNT(*) AS count",
)
"""Two hundred to the thirteenth power rows."""


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
        connection.execute("CREATE TABLE nobody (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO singer VALUES (?, ?, ?)", [(n, f"n{n}", n % 60) for n in range(200)])
    return str(path)


def checked(database: str, level: str = "rows", timeout_s: float = 2.0) -> OperatorCheck:
    return OperatorCheck(Database(database), level, QueryLimits(timeout_s))  # type: ignore[arg-type]


def test_names_are_asked_of_every_operator(database: str) -> None:
    one = checked(database, "names")
    assert one.check(("FROM singer", "|> WHERE age > 900"), True) is None
    found = one.check(("FROM singer", "|> WHERE agee > 9"), False)
    assert found is not None and not found.weak and "agee" in found.reason


def test_an_operator_that_leaves_no_row_is_a_weak_objection(database: str) -> None:
    one = checked(database)
    found = one.check(("FROM singer", "|> WHERE age > 900"), False)
    assert found is not None and found.weak
    assert one.check(("FROM singer", "|> WHERE age > 30"), False) is None
    assert checked(database, "runs").check(("FROM singer", "|> WHERE age > 900"), True) is None
    one.close()


def test_only_the_operator_at_fault_is_blamed(database: str) -> None:
    one = checked(database)
    assert one.check(("FROM nobody",), True) is None
    assert one.check(("FROM nobody", "|> WHERE id > 3"), True) is None
    assert one.check(("FROM singer", "|> WHERE age > 900", "|> SELECT name"), True) is None


def test_a_deadline_holds_for_whole_queries_alone(database: str) -> None:
    one = checked(database, timeout_s=0.2)
    found = one.check(RUNAWAY, True)
    assert found is not None and found.late and not found.weak
    assert one.check(RUNAWAY, False) is None


@pytest.mark.parametrize(("others", "refused"), [(1, False), (2, True), (3, True)])
def test_more_rows_than_an_answer_may_have_end_no_query(database: str, others: int, refused: bool) -> None:
    """Two hundred to the second, third and fourth power; the last would run for minutes."""
    one, joins = checked(database), tuple(f"|> CROSS JOIN singer AS s{n}" for n in range(others))
    query = ("FROM singer", *joins)
    found = one.check(query, True)
    assert (found is not None and not found.weak and "more than 100,000 rows" in found.reason) is refused
    assert one.check(query, False) is None
    assert one.check((*query, "|> LIMIT 3"), True) is None
    assert checked(database, "names").check(query, True) is None


def test_what_is_slow_as_a_whole_alone_is_an_objection_to_a_whole_query(database: str) -> None:
    """The first row is there at once, for the others a hundred and sixty million must be looked at."""
    one = checked(database, timeout_s=0.2)
    joins = tuple(f"|> CROSS JOIN singer AS s{n}" for n in range(3))
    query = ("FROM singer", *joins, "|> WHERE singer.id + s0.id + s1.id + s2.id < 1")
    found = one.check(query, True)
    assert found is not None and found.late
    assert one.check(query, False) is None


def test_what_the_database_refuses_is_an_objection(database: str) -> None:
    found = checked(database, "runs").check(("FROM singer", "|> WHERE id = (FROM singer |> SELECT id, age)"), True)
    assert found is not None and not found.weak


def test_nothing_is_asked_twice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, ran = checked(database), []
    run = one._run
    monkeypatch.setattr(one, "_run", lambda operators: ran.append(operators) or run(operators))
    for _ in range(3):
        one.check(("FROM singer", "|> WHERE age > 900"), False)
    assert ran == [("FROM singer", "|> WHERE age > 900"), ("FROM singer",)]


@pytest.mark.parametrize(
    ("last", "reason", "weak"),
    [
        ("|> JOIN nobody ON nobody.id = nobody.id", "nobody.id is compared with itself", False),
        ("|> WHERE age > 30 AND age <= age", "age is compared with itself", False),
        ("|> EXTEND name = name AS same", "name is compared with itself", False),
        ("|> SELECT name, age, name", "name is selected twice", True),
        ("|> SELECT age + 1, age + 1", "age + 1 is selected twice", True),
    ],
)
def test_an_operator_that_says_nothing_is_objected_to(database: str, last: str, reason: str, weak: bool) -> None:
    found = checked(database).check(("FROM singer", last), False)
    assert found is not None and (found.reason, found.weak) == (reason, weak)
    assert checked(database, "runs").check(("FROM singer", last), False) is None


@pytest.mark.parametrize(
    "last",
    [
        "|> JOIN singer AS other ON singer.id = other.id",
        "|> WHERE age > 30 AND age <= 60",
        "|> WHERE age = (FROM singer |> WHERE age = 30 |> SELECT age |> LIMIT 1)",
        "|> SELECT name, age, name AS again",
        "|> AGGREGATE MAX(age) AS age, MAX(age) AS most",
    ],
)
def test_what_says_something_is_not(database: str, last: str) -> None:
    assert checked(database).check(("FROM singer", last), False) is None
