"""Where wrong answers diverge from the gold, on a small database."""

from __future__ import annotations

import pytest

from pipesql.evaluate.divergence import ENDS_EARLY, UNREADABLE, first_divergence
from pipesql.execution.database import Database
from pipesql.execution.suite import Suite

GOLD = ("FROM singer", "|> WHERE age > 30", "|> ORDER BY age", "|> SELECT name")

CASES = {
    "another table": (("FROM number", "|> SELECT n"), 1, "FROM"),
    "a condition with another bound": (("FROM singer", "|> WHERE age > 31", "|> SELECT name"), 2, "WHERE"),
    "another column": (("FROM singer", "|> WHERE age > 30", "|> SELECT singer_id"), 3, "SELECT"),
    "columns in another order, on the way": (
        ("FROM singer", "|> WHERE age > 30", "|> SELECT age, name, singer_id", "|> SELECT age"),
        4,
        "SELECT",
    ),
    "a condition in two parts comes back": (
        ("FROM singer", "|> WHERE age > 20", "|> WHERE age > 30", "|> SELECT age"),
        4,
        "SELECT",
    ),
    "other words for the same": (("FROM singer AS s", "|> WHERE s.age >= 31", "|> SELECT s.age"), 3, "SELECT"),
    "it ends too early": (("FROM singer", "|> WHERE age > 30"), 3, ENDS_EARLY),
    "a name that does not exist": (("FROM singer", "|> WHERE agee > 30", "|> SELECT name"), 2, "WHERE"),
    "not pipe SQL": (("FROM singer", "|> WHERE age >", "|> SELECT name"), 2, UNREADABLE),
    "prose": (("Sure!",), 1, UNREADABLE),
}


@pytest.mark.parametrize("case", CASES)
def test_cases(database, case: str) -> None:
    operators, number, name = CASES[case]
    with Suite(Database(database)) as suite:
        place = first_divergence(operators, GOLD, "rows", suite)
    assert (place.number, place.operator) == (number, name)


def test_wrong_order_is_the_matter_of_the_last_order_by(database) -> None:
    with Suite(Database(database)) as suite:
        wrong = ("FROM singer", "|> WHERE age > 30", "|> ORDER BY age DESC", "|> SELECT name")
        assert first_divergence(wrong, GOLD, "order", suite).number == 3
        missing = ("FROM singer", "|> WHERE age > 30", "|> SELECT name")
        assert first_divergence(missing, GOLD, "order", suite).operator == "SELECT"


def test_a_prefix_that_cannot_be_run_within_the_limits_agrees_by_its_text(database) -> None:
    gold = ("FROM number AS a", "|> CROSS JOIN number AS b", "|> AGGREGATE COUNT(*) AS count")
    answer = (*gold[:2], "|> AGGREGATE SUM(a.n) AS total")
    with Suite(Database(database)) as suite:
        assert first_divergence(answer, gold, "rows", suite).number == 3
