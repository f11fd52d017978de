"""Lowered queries give the rows that Google's own executor gives for the pipe text, on every engine at hand.

Every ordered pair of operators, every operator behind every start, and longer runs drawn at random: a sample of them in
`make test`, all of them in `make test-long`. The same as a table: `python -m tests.conformance.matrix`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipesql.errors import SqlError, UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from tests.conformance import matrix
from tests.conformance.matrix import Matrix, Rows
from tests.support.oracles import googlesql

SAMPLE = [*random.Random(7).sample([*matrix.pairs(), *matrix.starts()], 220), *matrix.longer(7, 60)]
ALL = [*matrix.pairs(), *matrix.starts(), *matrix.longer(7, 500)]


@pytest.fixture(scope="module")
def tables() -> Iterator[Path]:
    with matrix.database() as path:
        yield path


class _Remembering:
    """Google's executor, asked once for each text: every engine is compared with the same rows."""

    def __init__(self, executor: googlesql.Executor) -> None:
        self.executor = executor
        self.known: dict[str, tuple[Rows, list[str]] | googlesql.GoogleSqlError] = {}
        self.columns: list[str] = []

    def run(self, query: str) -> Rows:
        if query not in self.known:
            try:
                self.known[query] = (self.executor.run(query), self.executor.columns)
            except googlesql.GoogleSqlError as e:
                self.known[query] = e
        found = self.known[query]
        if isinstance(found, googlesql.GoogleSqlError):
            raise found
        rows, self.columns = found
        return rows


@pytest.fixture(scope="module")
def google(tables) -> _Remembering:
    return _Remembering(googlesql.executor(tables))


@pytest.mark.parametrize("engine", matrix.ENGINES)
@pytest.mark.parametrize("texts", [SAMPLE, pytest.param(ALL, marks=pytest.mark.long)], ids=["sample", "all"])
def test_rows_are_googles(google, tables, engine, texts) -> None:
    with matrix.engine(engine, tables, google) as run:
        judged = Matrix(Database(tables).schema, google, {engine: run})
        for text in texts:
            judged.judge(text)
    assert not judged.wrong(), "\n\n".join([judged.table(), *judged.wrong()[:5]])
    assert judged.tallies[engine].equal > 200


def test_printing_and_parsing_again_changes_nothing() -> None:
    for text in SAMPLE:
        printed = print_query(parse(text))
        assert print_query(parse(printed)) == printed


def test_order_is_defined_where_google_says(google, tables) -> None:
    schema = Database(tables).schema
    for text in ["FROM (FROM a |> ORDER BY id) |> SELECT id", "(FROM a |> ORDER BY id) |> SELECT id", *SAMPLE]:
        try:
            ordered = google.executor.is_ordered(text)
        except googlesql.GoogleSqlError:
            continue
        assert resolve(parse(text), schema)[-1].ordered == ordered, text


def test_every_prefix_resolves(tables) -> None:
    schema = Database(tables).schema
    for text in SAMPLE[:100]:
        query = parse(text)
        scopes = resolve(query, schema)
        assert len(scopes) == len(query.operators)
        for prefix, scope in zip(query.prefixes(), scopes, strict=True):
            last = resolve(prefix, schema)[-1]
            assert [(c.name, c.kind, c.origin) for c in last.columns] == [
                (c.name, c.kind, c.origin) for c in scope.columns
            ]
            assert (last.variables.keys(), last.ordered) == (scope.variables.keys(), scope.ordered)


REFUSED = [
    "FROM a |> SELECT nothing",
    "FROM a |> AGGREGATE x",
    "FROM a |> AGGREGATE COUNT(*) AS n, n + 1 AS m",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY 1",
    "FROM a |> AGGREGATE SUM(ROW_NUMBER() OVER ()) AS n",
    "FROM a |> WHERE COUNT(*) > 1",
    "FROM a |> AGGREGATE COUNT(*) AS n |> WHERE COUNT(*) > 1",
    "FROM a |> SELECT x |> WHERE a.x > 1",
    "FROM a |> SELECT x AS p |> WHERE x > 1",
    "FROM a |> JOIN b ON x = bx |> SELECT b.x",
    "FROM a |> JOIN a ON TRUE",
    "FROM a |> EXTEND x + 1 AS x |> SELECT x",
    "FROM a |> EXTEND x AS p, p AS q",
    "FROM a |> DROP id |> SELECT id",
    "FROM a |> DROP id, x, y, s",
    "FROM a |> RENAME nothing AS p",
    "FROM a |> SET nothing = 1",
    "FROM a |> UNION (FROM a)",
    "FROM a |> UNION ALL (FROM b)",
    "FROM a |> LEFT JOIN b",
    "FROM a |> AS p |> SELECT a.x",
    "FROM nothing",
    "FROM a |> LIMIT x",
    "FROM a |>",
    "|> SELECT 1",
    "FROM a |> SELECT * EXCEPT (nothing)",
    "FROM a |> SELECT * REPLACE (1 AS nothing)",
    "FROM a |> SELECT SUM(x) OVER w",
    "FROM a |> SELECT SUM(x) OVER w WINDOW w AS (), w AS ()",
    "FROM a |> WINDOW x + 1 AS p",
    "FROM a |> SET x = 1, x = 2",
    "FROM a |> DROP x, x",
    "FROM a |> RENAME x AS p, x AS q",
    "FROM a |> JOIN b",
    "FROM a |> CROSS JOIN e ON a.id = e.id",
    "FROM a |> JOIN e USING (x)",
    "FROM a |> JOIN (FROM e |> WHERE ex > a.id) AS q ON TRUE",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY s NULLS LAST",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY ROLLUP(x + 1)",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY (), s",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP AND ORDER BY ROLLUP(s)",
    "FROM a |> AGGREGATE GROUPING(s) AS n GROUP BY ROLLUP(id)",
    "FROM a |> PIVOT (SUM(x), COUNT(*) FOR s IN ('one'))",
    "FROM a |> PIVOT (SUM(x) + 1 FOR s IN ('one'))",
    "FROM a |> PIVOT (SUM(x) FOR y IN (1.5))",
    "FROM a |> PIVOT (SUM(x) FOR s IN (s))",
    "FROM a |> PIVOT (SUM(x) FOR s IN (UPPER('p')))",
    "FROM a |> PIVOT (SUM(x) FOR s IN (1))",
    "FROM a |> PIVOT (SUM(x) FOR id IN (1)) |> SELECT a.y",
    "FROM a |> UNPIVOT (v FOR n IN (id, s))",
    "FROM a |> UNPIVOT (v FOR n IN (id, id))",
    "FROM a |> UNPIVOT (v FOR n IN (id AS 'p', x AS 2))",
    "FROM a |> UNPIVOT (v FOR n IN (id, x)) |> SELECT a.s",
    "FROM a |> SELECT id, x |> UNION ALL BY NAME (FROM a |> SELECT x, id, s)",
    "FROM a |> SELECT id, x |> UNION ALL BY NAME ON (x) (FROM a |> SELECT x, s)",
    "FROM a |> SELECT id, x |> LEFT UNION ALL BY NAME (FROM a |> SELECT s)",
    "FROM a |> SELECT id, x |> UNION ALL CORRESPONDING (FROM a |> SELECT s)",
    "FROM a |> SELECT id, x |> UNION ALL STRICT CORRESPONDING (FROM a |> SELECT x, s)",
    "FROM a |> SELECT id, x |> FULL UNION ALL (FROM a |> SELECT x, s)",
    "FROM a |> SELECT id, x + 1 |> UNION ALL BY NAME (FROM a |> SELECT id, x)",
    "FROM a |> SELECT x, id, x |> UNION ALL BY NAME (FROM a |> SELECT id, x)",
    "WITH q AS (FROM a), q AS (FROM q) FROM q",
    "WITH RECURSIVE a AS (FROM a) FROM a",
    "WITH RECURSIVE q AS (SELECT 1 AS k |> UNION ALL (FROM q |> SELECT k + 1), (SELECT 7)) FROM q",
    "FROM a |> WITH q AS (FROM b |> WHERE bid = a.id) |> JOIN q ON TRUE",
    "FROM a |> WITH q AS (FROM b) |> WITH r AS (FROM a |> JOIN nothing ON TRUE) |> LIMIT 1",
    "FROM a |> RECURSIVE UNION ALL (|> WHERE a.id < 3)",
    "FROM a |> SELECT id AS k |> RECURSIVE UNION ALL (|> AGGREGATE MAX(k) AS m)",
    "FROM a |> SELECT id AS k |> RECURSIVE UNION ALL (|> LIMIT 1)",
    "FROM a |> SELECT id AS k |> RECURSIVE UNION ALL (|> DISTINCT)",
    "FROM a |> SELECT id AS k |> RECURSIVE UNION ALL (|> SELECT SUM(k) OVER ())",
    "FROM a |> SELECT id AS k |> RECURSIVE UNION ALL (FROM e |> LEFT JOIN q ON k = id |> SELECT k) AS q",
    "FROM a |> IF id = 1 THEN (|> LIMIT 1)",
    "FROM a |> ASSERT COUNT(*) OVER () > 1",
    "FROM a |> LIMIT NULL",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_google_refuses_is_refused(google, tables, text) -> None:
    schema = Database(tables).schema
    with pytest.raises(googlesql.GoogleSqlError):
        google.run(text)
    with pytest.raises(SqlError) as error:
        lower(parse(text), schema)
    assert "\n" not in str(error.value)


NOT_LOWERED = {
    "FROM a |> WHERE x > 1 |> DESCRIBE": "the operator DESCRIBE",
    "FROM a |> WHERE x > 1 |> STATIC_DESCRIBE": "the operator STATIC_DESCRIBE",
    "FROM a |> WHERE x > 1 |> LOG": "the operator LOG",
    "FROM a |> WHERE x > 1 |> TEE (|> LIMIT 1)": "the operator TEE",
    "FROM a |> WHERE x > 1 |> FORK (|> LIMIT 1), (|> LIMIT 2)": "the operator FORK",
    "FROM a |> WHERE x > 1 |> CALL f(1)": "the operator CALL",
    "FROM a |> WHERE x > 1 |> CREATE TABLE t": "the operator CREATE TABLE",
    "FROM a |> WHERE x > 1 |> INSERT INTO t": "the operator INSERT",
    "FROM a |> WHERE x > 1 |> ASSERT x > 1": "the operator ASSERT in sqlite",
    "FROM a |> WHERE x > 1 |> TABLESAMPLE SYSTEM (10 PERCENT)": "the operator TABLESAMPLE in sqlite",
    "FROM a |> WHERE x > 1 |> LIMIT 1 + 1": "LIMIT with a computed count",
    "FROM a |> WHERE x > 1 |> SELECT AS STRUCT id": "SELECT AS STRUCT",
}


@pytest.mark.parametrize(("text", "construct"), NOT_LOWERED.items())
def test_what_is_not_lowered_is_named(tables, text, construct) -> None:
    with pytest.raises(UnsupportedSql) as error:
        lower(parse(text), Database(tables).schema)
    assert error.value.construct == construct
    assert "operator 3" in str(error.value)


@pytest.mark.parametrize("kind", ["", "LEFT ", "RIGHT ", "FULL "])
def test_natural_join_is_using_all_common_columns(tables, kind) -> None:
    """Google's executor does not know NATURAL JOIN."""
    schema = Database(tables).schema
    natural, using = f"FROM a |> NATURAL {kind}JOIN e", f"FROM a |> {kind}JOIN e USING (id)"
    assert lower(parse(natural), schema) == lower(parse(using), schema)
