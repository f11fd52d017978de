"""Properties of any query: the round trip keeps the rows, every prefix runs, and no text breaks the reader.

Small versions of `python -m tests.conformance.random_queries` and `python -m tests.conformance.mutations`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipesql.decompile import decompile
from pipesql.errors import PipesqlError
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from tests.conformance import mutations, random_queries
from tests.support.compiler_check import Bench

SEEDS = st.integers(0, 10**9)
SLOWEST = 2.0
"""Seconds that reading and lowering of one small text may take on a busy machine."""


@pytest.fixture(scope="module", params=[1, 2])
def bench(request, tmp_path_factory):
    opened = Bench(request.param, tmp_path_factory.mktemp("random"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def tables():
    return mutations.schema()


def round_trip(bench, seed) -> None:
    outcome = bench.check(random_queries.query_of(seed, 0), prefixes=seed % 5 == 0)
    assert outcome.sound, outcome


def mutated_text_ends_in_our_errors(tables, seed) -> None:
    text, read = mutations.text_of(0, seed, tables)
    start = time.process_time()
    _, fault = mutations.outcome(text, read, tables)
    assert not fault, text
    assert time.process_time() - start < SLOWEST, text


def any_text_ends_in_our_errors(tables, text) -> None:
    for read in (lambda: lower(parse(text), tables), lambda: decompile(text, tables)):
        try:
            read()
        except PipesqlError as e:
            assert str(e)
            assert "\n" not in str(e)


def tried(check: Callable[..., None], count: int, **drawn: st.SearchStrategy[Any]) -> Callable[..., None]:
    """A property test of `count` examples."""
    return settings(max_examples=count, deadline=None)(given(**drawn)(check))


TEXTS = st.text(max_size=60)
test_round_trip = tried(round_trip, 200, seed=SEEDS)
test_mutated_text_ends_in_our_errors = tried(mutated_text_ends_in_our_errors, 700, seed=SEEDS)
test_any_text_ends_in_our_errors = tried(any_text_ends_in_our_errors, 200, text=TEXTS)
test_round_trip_in_depth = pytest.mark.long(tried(round_trip, 3_000, seed=SEEDS))
test_mutated_text_in_depth = pytest.mark.long(tried(mutated_text_ends_in_our_errors, 20_000, seed=SEEDS))
test_any_text_in_depth = pytest.mark.long(tried(any_text_ends_in_our_errors, 10_000, text=TEXTS))


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
def test_deep_nesting_ends_in_our_errors(tables, shape, depth) -> None:
    text = DEEP[shape](depth)
    start = time.process_time()
    try:
        query = parse(text)
        print_query(query)
        lower(query, tables)
    except PipesqlError:
        assert depth > 20 or shape == "doubling"
    assert time.process_time() - start < 2 * SLOWEST
