"""What the grammar lets a model write: every golden pair, and no name that is not visible."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("llguidance")
pytest.importorskip("torch")

from pipesql import benchmarks, golden
from pipesql.chat.template import operator_ids
from pipesql.decoding.grammar.mask import GrammarCompiler
from pipesql.execution.database import Database
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.pipe.schema import Column, Schema, Table
from tests.conformance.mask import Report, stopped_at, walk

SCHEMA = Schema(
    (
        Table("singer", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("age", "INTEGER"))),
        Table("concert", (Column("id", "INTEGER"), Column("singer_id", "INTEGER"), Column("year", "INTEGER"))),
        Table("Order", (Column("group", "TEXT"), Column("höhe", "REAL"))),
    )
)
JOINED = ("FROM singer", "|> JOIN concert ON singer.id = concert.singer_id")
COUNTED = ("FROM singer", "|> AGGREGATE COUNT(*) AS count GROUP BY name")


@pytest.fixture(scope="module")
def compiler() -> GrammarCompiler:
    tokenizer = load_tokenizer(resolve_model("tiny"))
    return GrammarCompiler(tokenizer, len(tokenizer))


def accepts(compiler: GrammarCompiler, before: Sequence[str], operator: str) -> bool:
    ids = operator_ids(compiler.tokenizer, operator, not before)
    mask = compiler.operator(SCHEMA, before)
    return stopped_at(mask, [*ids, compiler.markers.end], Report()) is None


@pytest.mark.parametrize(
    ("before", "operator"),
    [
        ((), "FROM singer"),
        ((), "FROM `Order`"),
        ((), "FROM singer AS s"),
        ((), "WITH old AS (FROM singer |> WHERE age > 60) FROM old"),
        (("WITH old AS (FROM singer |> WHERE age > 60) FROM old",), "|> WHERE id IN (FROM old |> SELECT id)"),
        (("WITH old AS (FROM singer |> WHERE age > 60) FROM singer",), "|> JOIN old ON singer.id = old.id"),
        (
            ("FROM singer",),
            "|> WHERE age = (FROM singer AS s |> WHERE s.id = singer.id |> AGGREGATE MAX(age) AS m)",
        ),
        (("FROM singer",), "|> WHERE age > 30 AND name LIKE '%x\\'s'"),
        (("FROM singer",), "|> WHERE singer.age BETWEEN 1 AND 2.5 OR name IS NULL"),
        (("FROM singer",), "|> WHERE id IN (FROM concert |> SELECT singer_id)"),
        (("FROM singer",), "|> WHERE EXISTS(FROM concert |> WHERE concert.singer_id = singer.id)"),
        (("FROM singer",), "|> WHERE age = (FROM singer |> AGGREGATE MAX(age) AS max_age)"),
        (("FROM singer",), "|> AGGREGATE COUNT(DISTINCT name) AS count GROUP BY age, id"),
        (("FROM singer",), "|> SELECT DISTINCT name, age + 1 AS next"),
        (("FROM singer",), "|> EXTEND RANK() OVER (PARTITION BY name ORDER BY age DESC) AS rank"),
        (("FROM singer",), "|> ORDER BY age DESC, name"),
        (("FROM singer",), "|> LIMIT 3 OFFSET 1"),
        (("FROM singer",), "|> JOIN concert ON singer.id = concert.singer_id AND year > 2000"),
        (("FROM singer",), "|> LEFT JOIN singer AS other ON singer.id = other.id"),
        (("FROM singer",), "|> CROSS JOIN concert"),
        (("FROM singer",), "|> UNION ALL (FROM singer |> WHERE age > 3)"),
        (("FROM singer", "|> SELECT name"), "|> EXCEPT DISTINCT (FROM singer |> WHERE age > 3 |> SELECT name)"),
        (("FROM singer",), "|> SELECT CAST(age AS FLOAT64) / 2 AS half"),
        (("FROM `Order`",), "|> WHERE `group` = 'a' AND `höhe` > 1"),
        (JOINED, "|> SELECT singer.id, concert.id, name, year"),
        (JOINED, "|> WHERE year IS NOT NULL"),
        (COUNTED, "|> WHERE count > 1"),
        (COUNTED, "|> SELECT name"),
    ],
)
def test_what_can_stand_can_be_written(compiler: GrammarCompiler, before: tuple[str, ...], operator: str) -> None:
    assert accepts(compiler, before, operator)


@pytest.mark.parametrize(
    ("before", "operator"),
    [
        ((), "FROM stadium"),
        ((), "SELECT name"),
        ((), "|> WHERE age > 30"),
        (("FROM singer",), "|> WHERE year > 2000"),
        (("FROM singer",), "|> WHERE agee > 30"),
        (("FROM singer",), "|> SELECT concert.id"),
        (("FROM singer",), "|> JOIN singer ON singer.id = singer.id"),
        (("FROM singer",), "|> JOIN concert ON singer.id = concert.name"),
        (("FROM singer",), "|> WHERE id IN (FROM stadium |> SELECT id)"),
        (("FROM singer",), "|> FROM concert"),
        (("FROM singer",), "|> WHERE"),
        (("FROM singer",), "|> WHERE age >"),
        (JOINED, "|> SELECT id"),
        (COUNTED, "|> WHERE age > 1"),
        (COUNTED, "|> SELECT singer.name"),
        (("FROM singer", "|> SELECT name"), "|> ORDER BY age"),
    ],
)
def test_what_cannot_stand_cannot_be_written(compiler: GrammarCompiler, before: tuple[str, ...], operator: str) -> None:
    assert not accepts(compiler, before, operator)


def test_markers_come_where_an_operator_may_end(compiler: GrammarCompiler) -> None:
    marks = compiler.markers
    mask = compiler.operator(SCHEMA, ("FROM singer",))
    ids = operator_ids(compiler.tokenizer, "|> LIMIT 3", first=False)
    assert not mask.allowed()[[marks.step, marks.end]].any()
    for token in ids:
        mask.take(token)
    assert mask.allowed()[[marks.step, marks.end]].all()
    mask = compiler.operator(SCHEMA, ("FROM singer",), more=False)
    for token in ids:
        mask.take(token)
    assert mask.allowed()[marks.end] and not mask.allowed()[marks.step]


def test_a_table_joined_twice_without_an_alias_is_told(compiler: GrammarCompiler) -> None:
    """The text before ON is a whole one for the grammar; that its name is taken shows there."""
    mask = compiler.operator(SCHEMA, ("FROM singer", "|> JOIN concert ON singer.id = concert.singer_id"))
    sentences = [mask.take(t) for t in operator_ids(compiler.tokenizer, "|> JOIN singer AS concert ON", first=False)]
    assert "concert" in (sentences[-1] or "")


def test_every_pair_of_the_demo_can_be_written(compiler: GrammarCompiler, tmp_path: Path) -> None:
    report, schemas = Report(), dict[str, Schema]()
    for pair in golden.build(benchmarks.load("demo", str(tmp_path))).pairs:
        walk(pair, schemas.setdefault(pair.database, Database(pair.database).schema), compiler, report)
    assert report.refused == []
    assert report.pairs > 400
