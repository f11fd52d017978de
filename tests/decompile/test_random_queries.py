"""Properties of any query: the round trip keeps the rows, every prefix runs, and no text breaks the reader."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipesql.decompile import decompile
from pipesql.errors import ExecutionError, PipesqlError, UnsupportedSql
from pipesql.execution.compare import compare
from pipesql.execution.schema import read_schema
from pipesql.execution.sqlite import SqliteDatabase
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_query
from tests.decompile.queries import QueryMaker

SEEDS = st.integers(0, 10**9)
TABLES = Path(__file__).parent.parent / "pipe" / "golden" / "database.sql"
SLOWEST = 2.0
"""Seconds that reading and lowering of one small text may take on a busy machine."""


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("random") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES.read_text(encoding="utf-8"))
    connection.close()
    with SqliteDatabase(path) as opened:
        yield opened, read_schema(path)


@settings(max_examples=300, deadline=None)
@given(seed=SEEDS)
def test_round_trip(database, seed) -> None:
    opened, schema = database
    sql = QueryMaker(seed).query()
    try:
        gold = opened.run(sql)
    except ExecutionError:
        return  # an ORDER BY term that SQLite takes for a position
    try:
        text = print_query(decompile(sql, schema))
    except UnsupportedSql as e:
        assert e.construct == "a division whose operands may be integers or not", sql
        return
    query = parse(text)
    assert print_query(query) == text
    lowered = lower(query, schema)
    assert compare(sql, gold, opened.run(lowered), opened.run) in (None, "undecidable"), f"{sql}\n{text}\n{lowered}"
    for prefix in query.prefixes():
        opened.run(lower(parse(print_query(prefix)), schema))


_PIECES = r"""
    ( ) , ; |> . * + - / ' " ` [ ] { } @ ? : = < > || -- /* */ \ é SELECT FROM WHERE AS ON AND OR NOT IN BETWEEN LIKE IS
    NULL CASE WHEN THEN END GROUP BY ORDER LIMIT OFFSET AGGREGATE EXTEND SET DROP RENAME DISTINCT UNION ALL EXCEPT
    INTERSECT JOIN LEFT CROSS USING WITH OVER PARTITION EXISTS CAST INT64 INTERVAL DATE STRUCT ARRAY UNNEST COUNT(*) MAX
    singer hall age 1 0.5 1e3 'x' `b` TRUE
"""
PIECES = _PIECES.split()


def mutated(text: str, seed: int) -> str:
    """The text with a few pieces put in, taken out, doubled or swapped."""
    chance = random.Random(seed)
    words = text.split(" ")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(words))
        match chance.randrange(5):
            case 0:
                words.insert(at, chance.choice(PIECES))
            case 1 if len(words) > 1:
                del words[at]
            case 2:
                words[at] = words[at][: chance.randint(0, len(words[at]))]
            case 3:
                other = chance.randrange(len(words))
                words[at], words[other] = words[other], words[at]
            case _:
                words[at] = chance.choice(PIECES)
    return " ".join(words)


@settings(max_examples=500, deadline=None)
@given(seed=SEEDS)
def test_mutated_pipe_text_ends_in_our_errors(database, seed) -> None:
    _, schema = database
    try:
        text = mutated(print_query(decompile(QueryMaker(seed).query(), schema)), seed)
    except PipesqlError:
        return
    start = time.perf_counter()
    try:
        query = parse(text)
        again = print_query(query)
        assert print_query(parse(again)) == again, text
        lower(query, schema)
    except PipesqlError as e:
        assert "\n" not in str(e), text
    assert time.perf_counter() - start < SLOWEST, text


@settings(max_examples=300, deadline=None)
@given(seed=SEEDS)
def test_mutated_standard_text_ends_in_our_errors(database, seed) -> None:
    _, schema = database
    text = mutated(QueryMaker(seed).query(), seed)
    start = time.perf_counter()
    try:
        parse(print_query(decompile(text, schema)))
    except PipesqlError as e:
        assert "\n" not in str(e), text
    assert time.perf_counter() - start < SLOWEST, text


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_ends_in_our_errors(database, text) -> None:
    _, schema = database
    for read in (lambda: lower(parse(text), schema), lambda: decompile(text, schema)):
        try:
            read()
        except PipesqlError as e:
            assert str(e)


DEEP = {
    "brackets": lambda n: "FROM hall |> SELECT " + "(" * n + "1" + ")" * n,
    "NOT": lambda n: "FROM hall |> WHERE " + "NOT " * n + "TRUE",
    "minus": lambda n: "FROM hall |> SELECT " + "- " * n + "1",
    "CASE": lambda n: "FROM hall |> SELECT " + "CASE WHEN TRUE THEN " * n + "1" + " END" * n,
    "sums": lambda n: "FROM hall |> SELECT " + "1 + " * n + "1",
    "OR": lambda n: "FROM hall |> WHERE " + " OR ".join(["seats = 1"] * n),
    "calls": lambda n: "FROM hall |> SELECT " + "ABS(" * n + "1" + ")" * n,
    "queries": lambda n: "FROM (" * n + "FROM hall" + ")" * n,
    "subqueries": lambda n: "FROM hall" + " |> WHERE seats IN (FROM hall" * n + " |> SELECT seats)" * n,
    "doubling": lambda n: (
        "FROM hall |> EXTEND seats + 1 AS z0 "
        + "".join(f"|> EXTEND z{i} + z{i} AS z{i + 1} " for i in range(min(n, 60)))
    ),
    "limits": lambda n: "FROM hall " + "|> LIMIT 5 " * min(n, 400),
}


@pytest.mark.parametrize("shape", DEEP)
@pytest.mark.parametrize("depth", [20, 150, 3000])
def test_deep_nesting_ends_in_our_errors(database, shape, depth) -> None:
    _, schema = database
    text = DEEP[shape](depth)
    start = time.perf_counter()
    try:
        query = parse(text)
        print_query(query)
        lower(query, schema)
    except PipesqlError:
        assert depth > 20 or shape == "doubling"
    assert time.perf_counter() - start < 2 * SLOWEST
