"""What speaks against an operator: names, execution, rows, and the deadline."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipesql.execution.schema import read_schema
from pipesql.generate.judges import OperatorJudge
from pipesql.pipe.parser import parse

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


def judge(database: str, evidence: str = "rows", timeout_s: float = 2.0) -> OperatorJudge:
    return OperatorJudge(database, read_schema(database), evidence, timeout_s)  # type: ignore[arg-type]


def test_names_are_asked_of_every_operator(database: str) -> None:
    one = judge(database, "names")
    assert one.judge(("FROM singer", "|> WHERE age > 900"), True) is None
    found = one.judge(("FROM singer", "|> WHERE agee > 9"), False)
    assert found is not None and not found.weak and "agee" in found.reason


def test_an_operator_that_leaves_no_row_is_a_weak_objection(database: str) -> None:
    one = judge(database)
    found = one.judge(("FROM singer", "|> WHERE age > 900"), False)
    assert found is not None and found.weak
    assert one.judge(("FROM singer", "|> WHERE age > 30"), False) is None
    assert judge(database, "runs").judge(("FROM singer", "|> WHERE age > 900"), True) is None
    one.close()


def test_only_the_operator_at_fault_is_blamed(database: str) -> None:
    one = judge(database)
    assert one.judge(("FROM nobody",), True) is None
    assert one.judge(("FROM nobody", "|> WHERE id > 3"), True) is None
    assert one.judge(("FROM singer", "|> WHERE age > 900", "|> SELECT name"), True) is None


def test_a_deadline_holds_for_whole_queries_alone(database: str) -> None:
    one = judge(database, timeout_s=0.2)
    found = one.judge(RUNAWAY, True)
    assert found is not None and found.late and not found.weak
    assert one.judge(RUNAWAY, False) is None


def test_what_the_database_refuses_is_an_objection(database: str) -> None:
    found = judge(database, "runs").judge(("FROM singer", "|> WHERE id = (FROM singer |> SELECT id, age)"), True)
    assert found is not None and not found.weak


def test_nothing_is_asked_twice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, asked = judge(database), []
    ask = one._ask
    monkeypatch.setattr(one, "_ask", lambda operators: asked.append(operators) or ask(operators))
    for _ in range(3):
        one.judge(("FROM singer", "|> WHERE age > 900"), False)
    assert asked == [("FROM singer", "|> WHERE age > 900"), ("FROM singer",)]


SCHOOL = """
CREATE TABLE teacher (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
CREATE TABLE course (id INTEGER PRIMARY KEY, name TEXT, teacher_id INTEGER REFERENCES teacher (id));
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO teacher VALUES (1, 'Ada', 1);
INSERT INTO course VALUES (1, 'Logic', 1);
INSERT INTO room VALUES (1, 'Attic');
"""


@pytest.fixture
def school(tmp_path: Path) -> str:
    path = tmp_path / "school.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHOOL)
    return str(path)


@pytest.mark.parametrize(
    ("operators", "odd"),
    [
        (("FROM teacher", "|> JOIN course ON teacher.id = teacher_id"), ""),
        (("FROM teacher AS t", "|> JOIN course AS c ON c.teacher_id = t.id"), ""),
        (("FROM course", "|> WHERE name = 'Logic'", "|> JOIN teacher ON teacher_id = teacher.id"), ""),
        (("FROM teacher", "|> JOIN course ON teacher.id = course.id"), "a foreign key connects course and teacher"),
        (
            ("FROM teacher", "|> JOIN course ON teacher.id = teacher.age"),
            "compares no column of course with",
        ),
        (("FROM teacher", "|> JOIN course ON course.id = course.teacher_id"), "compares no column of course"),
        (("FROM teacher", "|> JOIN course ON teacher.age > 3 OR teacher.id = course.teacher_id"), ""),
        (("FROM teacher", "|> JOIN teacher AS t2 ON teacher.age = t2.age"), ""),
        (("FROM room", "|> JOIN teacher ON room.id = teacher.id"), ""),
        (("FROM room", "|> JOIN teacher ON room.id = teacher.id", "|> JOIN course ON course.id = room.id"), "connects"),
        (("FROM teacher", "|> CROSS JOIN course"), ""),
        (("FROM teacher", "|> JOIN course USING (id)"), ""),
        (("FROM teacher", "|> JOIN (FROM course) AS c ON teacher.id = c.id"), ""),
        (("FROM teacher", "|> AGGREGATE COUNT(*) AS id", "|> JOIN course ON TRUE"), ""),
        (("FROM teacher", "|> JOIN course ON teacher.id = course.id", "|> WHERE age = 1"), ""),
    ],
)
def test_a_join_off_its_foreign_key_is_odd(school: str, operators: tuple[str, ...], odd: str) -> None:
    found = judge(school, "likely").judge(operators, False)
    assert judge(school).judge(operators, False) is None
    if not odd:
        assert found is None
    else:
        assert found is not None and found.weak and odd in found.reason


@pytest.mark.parametrize(
    ("where", "odd"),
    [
        ("name = 'Logic'", ""),
        ("name = 'logic'", "'logic' is neither"),
        ("name = 'Ethics'", ""),
        ("name = 'Rhetoric'", "'Rhetoric' is neither"),
        ("id = 1 AND name <> 'Rhetoric'", "'Rhetoric' is neither"),
        ("name IN ('Logic', 'Music')", "'Music' is neither"),
        ("name LIKE 'Rhet%'", ""),
        ("id > 7", ""),
        ("LOWER(name) = 'rhetoric'", ""),
        ("name = teacher_id", ""),
    ],
)
def test_a_text_out_of_nowhere_is_odd(school: str, where: str, odd: str) -> None:
    operators = ("FROM course", f"|> WHERE {where}")
    found = judge(school, "likely").judge(operators, False, "Who teaches ethics?")
    said = found.reason if found else ""
    assert odd in said and ("neither" in said) == bool(odd)
    assert "neither" not in str(judge(school, "rows").judge(operators, False, "Who teaches ethics?"))


def test_doubts_add_up(school: str) -> None:
    one = judge(school, "likely")
    alone = one.judge(("FROM course", "|> WHERE name = 'Ethics'"), False, "Who teaches ethics?")
    both = one.judge(("FROM course", "|> WHERE name = 'Rhetoric'"), False, "Who teaches ethics?")
    assert alone is not None and both is not None and alone.cost < both.cost < float("inf")


def test_a_database_that_cannot_say_whether_it_has_a_text_is_believed(school: str) -> None:
    one = judge(school, "likely")
    assert not one._finds(parse("FROM course |> WHERE name = 'Rhetoric'"))
    assert one._finds(parse("FROM nowhere |> WHERE name = 'Rhetoric'"))
