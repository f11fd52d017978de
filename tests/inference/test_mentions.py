"""The names that a question mentions, and those that an answer leaves out."""

from __future__ import annotations

import pytest

from pipesql.inference.mentions import Mentions, mentions, missing_mentions
from pipesql.pipe.schema import Column, Schema, Table


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT") for column in columns))


SCHEMA = Schema(
    (
        table("School", "School_ID", "Name"),
        table("school_bus", "School_ID", "Driver_ID"),
        table("Drivers", "driver_id", "name", "Home_city"),
        table("Courses", "course_id", "course_description"),
    )
)


@pytest.mark.parametrize(
    ("question", "tables", "columns"),
    [
        ("Which driver is the oldest?", {"drivers"}, set()),
        ("Names of all drivers", {"drivers"}, {"name"}),
        ("Which school bus has no driver?", {"school_bus", "drivers"}, set()),
        ("Which school has a school bus?", {"school", "school_bus"}, set()),
        ("The home city of every driver", {"drivers"}, {"home_city"}),
        ("Course descriptions", set(), {"course_description"}),
        ("The course descriptions of courses", {"courses"}, {"course_description"}),
        ("How many are there?", set(), set()),
        ("", set(), set()),
    ],
)
def test_a_name_is_mentioned_by_its_words_outside_a_longer_one(
    question: str, tables: set[str], columns: set[str]
) -> None:
    found = mentions(SCHEMA, question)
    assert found.tables == tables
    assert {min(names) for names in found.columns} == columns


@pytest.mark.parametrize(
    ("question", "query", "missing"),
    [
        ("Names of all drivers", "FROM Drivers |> SELECT name", []),
        ("Names of all drivers", "FROM Drivers |> SELECT driver_id", ["name"]),
        ("Names of all drivers", "FROM Drivers", []),
        ("Names of all drivers", "FROM School |> SELECT Name", ["drivers"]),
        ("Names of all drivers", "FROM School |> SELECT School_ID", ["drivers", "name"]),
        ("Schools without a driver", "FROM School |> WHERE School_ID NOT IN (FROM Drivers |> SELECT driver_id)", []),
        ("The home city of drivers", "FROM Drivers |> AGGREGATE COUNT(*) AS n GROUP BY Home_city |> SELECT n", []),
        (
            "Schools by driver id",
            "FROM School |> JOIN school_bus ON School.School_ID = school_bus.School_ID |> JOIN Drivers ON "
            "school_bus.Driver_ID = Drivers.driver_id |> SELECT School.Name",
            ["driver_id"],
        ),
    ],
)
def test_what_an_answer_leaves_out(question: str, query: str, missing: list[str]) -> None:
    operators = query.replace(" |> ", "\n|> ").split("\n")
    assert missing_mentions(SCHEMA, mentions(SCHEMA, question), operators) == missing


def test_nothing_is_said_of_a_query_that_does_not_hold() -> None:
    mentioned = Mentions(frozenset({"drivers"}))
    assert (
        missing_mentions(SCHEMA, mentioned, ["FROM nowhere"])
        == missing_mentions(SCHEMA, mentioned, ["FROM School |>"])
        == []
    )


@pytest.mark.parametrize(("check", "missing"), [("mentions", ("drivers", "name")), ("rows", ()), ("names", ())])
def test_only_the_check_of_mentions_looks_at_them(check: str, missing: tuple[str, ...]) -> None:
    pytest.importorskip("torch")
    from pipesql.inference.config import DecodingConfig, PlainQuestion
    from pipesql.inference.constrained import MENTION_COST, ConstrainedDecoding
    from pipesql.models import resolve_model
    from pipesql.models.load import load_model, load_tokenizer

    source = resolve_model("tiny")
    question = PlainQuestion("school.sqlite", "Names of all drivers")
    config = DecodingConfig(layout="tree", constrained=True, check=check)  # type: ignore[arg-type]
    model, schemas = load_model(source, device="cpu"), {question.database: SCHEMA}
    with ConstrainedDecoding(
        model, load_tokenizer(source), [question], schemas, config, lambda *_: None
    ) as constrained:
        assert constrained.missing_mentions(question, ["FROM School", "|> SELECT School_ID"]) == missing
        assert constrained.cost(question, ["FROM School", "|> SELECT School_ID"]) == MENTION_COST * len(missing)
