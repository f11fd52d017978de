"""Errors of queries carry the operator and the place in the text as fields, in every process."""

from __future__ import annotations

import pickle

import pytest

from pipesql.decompile import decompile
from pipesql.errors import AtOperator, SqlError, SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse, parse_operators
from pipesql.pipe.schema import Column, Schema, Table

SCHEMA = Schema(
    (
        Table("singer", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("age", "INTEGER"))),
        Table("concert", (Column("id", "INTEGER"), Column("singer_id", "INTEGER"))),
    )
)

PIPE = [
    # text, kind of error, operator, what stands at the position
    ("FROM singr", UnknownName, 1, "singr"),
    ("FROM singer\n|> WHERE agee > 3", UnknownName, 2, "agee"),
    ("FROM singer AS s |> JOIN concert AS c ON c.singer_id = s.id |> SELECT id", UnknownName, 3, "id"),
    ("FROM singer |> SELECT s.name", UnknownName, 2, "s.name"),
    ("FROM singer |> WHERE id IN (FROM concert |> SELECT singer)", UnknownName, 2, "singer)"),
    ("FROM singer |> WHERE age > |> LIMIT 1", SqlSyntaxError, 2, ">"),
    ("FROM singer |> LIMIT 1 |> SELEKT name", SqlSyntaxError, 3, "SELEKT"),
    ("FROM singer |> AGGREGATE name", SqlError, 2, None),
    ("FROM singer |> LIMIT 1 + 1", UnsupportedSql, 2, None),
    ("FROM singer |> MATCH_RECOGNIZE (x)", UnsupportedSql, 2, "MATCH_RECOGNIZE"),
]


@pytest.mark.parametrize(("text", "kind", "operator", "at"), PIPE, ids=[text for text, *_ in PIPE])
def test_an_error_of_a_pipe_query_says_where(text: str, kind: type[SqlError], operator: int, at: str | None) -> None:
    with pytest.raises(SqlError) as caught:
        lower(parse(text), SCHEMA)
    error = caught.value
    assert type(error) is kind and error.operator == operator
    assert (None if error.position is None else text[error.position :].startswith(at or "?")) == (
        None if at is None else True
    )


STANDARD = [
    ("SELECT nme FROM singer", UnknownName, "nme", "no column nme in this query: did you mean name?"),
    ("SELECT s.nme FROM singer AS s", UnknownName, "s.nme", "no column s.nme in this query: did you mean name?"),
    ("SELECT t.name FROM singer AS s", UnknownName, "t.name", "no table or alias t in this query: there is only s"),
    ("SELECT name FROM singr", UnknownName, "singr", "no table singr in the database: did you mean singer?"),
    ("SELECT name\nFROM singer WHERE", SqlSyntaxError, "WHERE", "an expression is not complete (line 2, column 13)"),
    ("SELECT a b c FROM singer", SqlSyntaxError, "c FROM", "c is not expected (line 1, column 12)"),
]


@pytest.mark.parametrize(("sql", "kind", "at", "said"), STANDARD, ids=[sql for sql, *_ in STANDARD])
def test_an_error_of_a_standard_query_says_where(sql: str, kind: type[SqlError], at: str, said: str) -> None:
    with pytest.raises(SqlError) as caught:
        decompile(sql, SCHEMA)
    error = caught.value
    assert type(error) is kind and error.operator is None and error.position is not None
    assert sql[error.position :].startswith(at) and said in str(error)


def test_the_innermost_operator_is_named() -> None:
    with pytest.raises(SqlError) as caught, AtOperator(3), AtOperator(2):
        raise SqlError("something is wrong")
    assert (caught.value.operator, str(caught.value)) == (2, "operator 2: something is wrong")


def test_an_error_keeps_its_fields_on_the_way_from_another_process() -> None:
    for text in ("FROM singer |> WHERE agee > 3", "FROM singer |> LIMIT 1 + 1", "FROM singer |>"):
        with pytest.raises(SqlError) as caught:
            lower(parse(text), SCHEMA)
        error = caught.value
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_a_word_that_is_nearly_an_operator_is_corrected() -> None:
    with pytest.raises(SqlSyntaxError, match=r"AGREGATE is not a pipe operator: did you mean AGGREGATE\? \(line 2"):
        parse_operators(["FROM singer", "|> AGREGATE COUNT(*) AS n"])
