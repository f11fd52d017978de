"""`pipesql canonical` loses no comment, changes nothing the second time, and keeps the query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipesql.errors import SqlError
from pipesql.pipe.canonical import format_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.scan import tokens
from tests.pipe.test_google_parser import SAME

EXAMPLES = [
    ("from t |> where a", "FROM t\n|> WHERE a"),
    (
        "-- what it is\nFROM t -- the table\n|> WHERE a # adults\n",
        "-- what it is\n-- the table\nFROM t\n-- adults\n|> WHERE a",
    ),
    (
        "FROM t\n-- first\n|> /* second */ WHERE a /* third */ = 1",
        "FROM t\n-- first\n-- second\n-- third\n|> WHERE a = 1",
    ),
    ("FROM t\n|> WHERE a\n-- |> LIMIT 10", "FROM t\n|> WHERE a\n-- |> LIMIT 10"),
    ("FROM t |> WHERE a; -- done\n# over", "FROM t\n-- done\n|> WHERE a\n-- over"),
    (
        "WITH a AS (\n  -- inner\n  FROM t |> LIMIT 1 -- one\n)\nFROM a",
        "-- inner\n-- one\nWITH a AS (FROM t |> LIMIT 1) FROM a",
    ),
    (
        "FROM t |> WHERE x IN (\n  FROM u -- there\n  |> SELECT y)",
        "FROM t\n-- there\n|> WHERE x IN (FROM u |> SELECT y)",
    ),
    ("/*\n * two\n * lines\n */\nFROM t", "-- * two\n-- * lines\nFROM t"),
    (
        "FROM t |> WHERE a = '-- no' AND b = \"# no\" AND `/* no */`",
        "FROM t\n|> WHERE a = '-- no' AND b = '# no' AND `/* no */`",
    ),
    ("--x\n---- y ----\n#z\nFROM t", "--x\n---- y ----\n--z\nFROM t"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_comments_stand_above_their_operator(text: str, expected: str) -> None:
    assert format_query(text) == expected
    assert format_query(expected) == expected


@given(st.data())
def test_no_comment_is_lost_and_twice_is_once(data: st.DataObject) -> None:
    query = data.draw(st.sampled_from(SAME))
    found = tokens(query, "bigquery")
    ends = [0, *(token.end + 1 for token in found)]
    places = data.draw(st.lists(st.sampled_from(ends), min_size=1, max_size=5, unique=True))
    text, words = query, []
    for place in sorted(places, reverse=True):
        words.append(f"word{place}.")
        comment = data.draw(
            st.sampled_from(["-- {}\n", "# {} |> ( '\n", "/* {} */", '\n-- {} "`\n', "\n/* a\n {} */\n"])
        )
        text = f"{text[:place]} {comment.format(words[-1])} {text[place:]}"
    try:
        wanted = parse(text)
    except SqlError:
        return  # between the parts of a name that is more than one token
    formatted = format_query(text)
    assert all(formatted.count(word) == 1 for word in words)
    assert format_query(formatted) == formatted
    assert parse(formatted) == wanted == parse(query)
