"""Standard SQL never passes for pipe SQL, however deep it stands."""

from __future__ import annotations

import pytest
from sqlglot import parse_one

from pipesql.errors import SqlSyntaxError
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline, nest
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.walk import is_pure, require_pure

BLOCK = PipeQuery((op.Block(parse_one("SELECT a FROM t", read="bigquery")),))

IMPURE = {
    "start": BLOCK,
    "WITH": PipeQuery(parse("FROM u").operators, (Cte("u", BLOCK),)),
    "set operation": PipeQuery((*parse("FROM t").operators, op.SetOperation("UNION", False, (BLOCK,)))),
    "expression": PipeQuery((*parse("FROM t").operators, op.Where(nest(BLOCK)))),
    "brackets": PipeQuery((op.Nested(BLOCK),)),
    "pipeline": PipeQuery(
        (*parse("FROM t").operators, op.Tee((Subpipeline((op.SetOperation("UNION", False, (BLOCK,)),)),)))
    ),
    "recursion": PipeQuery((*parse("FROM t").operators, op.RecursiveUnion(False, BLOCK, "t"))),
}


@pytest.mark.parametrize("where", IMPURE)
def test_a_block_is_found_wherever_it_stands(where) -> None:
    assert not is_pure(IMPURE[where])
    with pytest.raises(SqlSyntaxError, match="a standard SELECT is not pipe SQL: write SELECT a FROM t"):
        require_pure(IMPURE[where])


@pytest.mark.parametrize(
    "text", ["FROM t |> SELECT a", "SELECT 1 AS x", "FROM t |> WHERE a IN (FROM u |> SELECT b) |> UNION ALL (FROM t)"]
)
def test_pipes_are_pure(text) -> None:
    require_pure(parse(text))
