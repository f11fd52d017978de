"""The walk over query trees meets every operator, expression and nested query."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.walk import expressions, own_parts, parts, parts_but_conditions, tables_read, walk

TEXT = """WITH w AS (FROM a) FROM w |> JOIN (FROM b |> WHERE b.x > 0) AS c ON c.x = w.y
|> WHERE y IN (FROM d |> SELECT z)
|> UNION ALL (FROM e) |> TEE (|> WHERE x > (FROM f |> AGGREGATE MAX(u)))"""


def test_tables_are_read_in_every_nested_query() -> None:
    assert tables_read(parse(TEXT)) == ["w", "b", "d", "e", "f", "a"]


def test_own_parts_stay_in_the_query() -> None:
    query = parse(TEXT)
    nested = [part for part in walk(query) if isinstance(part, PipeQuery)]
    assert len(nested) == 6 and nested[0] is query
    assert [part for part in walk(query, own_parts) if isinstance(part, PipeQuery)] == [query]
    kept = [type(part) for part in walk(query, own_parts) if isinstance(part, op.Operator)]
    assert kept == [op.From, op.Join, op.Where, op.SetOperation, op.Tee, op.Where]


def test_conditions_of_joins_are_left_out_with_what_is_in_them() -> None:
    query = parse("FROM a |> JOIN b ON a.x IN (FROM c |> SELECT x) |> WHERE a.y > 1")
    names = {column.name for each in expressions(query, parts_but_conditions) for column in each.find_all(exp.Column)}
    assert names == {"y"}


def test_parts_are_those_of_one_level() -> None:
    (join,) = parse("FROM a |> JOIN b USING (x, y)").operators[1:]
    assert [type(part) for part in parts(join)] == [exp.Table]
    (aggregate,) = parse("FROM a |> AGGREGATE COUNT(*) AS n DESC GROUP BY x").operators[1:]
    assert [type(part) for part in parts(aggregate)] == [exp.Alias, exp.Column, op.Suffix]
