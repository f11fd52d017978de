"""A subset of the golden cases in Spark itself; `python -m tests.conformance.spark` runs all of them.

Spark is no dependency: `pip install 'pyspark>=4'` and Java 17 make these tests run.
"""

from __future__ import annotations

import pytest

from pipesql.errors import UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from tests.conformance import spark as conformance
from tests.support import golden_cases

CASES = list(conformance.cases())
SUBSET = [pytest.param(case, id=name) for name, case in CASES[::6]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'pyspark>=4'")
    path = golden_cases.build(tmp_path_factory.mktemp("spark"))
    spark, engines = conformance.Spark(path), golden_cases.Engines(path)
    yield spark, engines, Database(path).schema
    engines.close()
    spark.stop()


@pytest.mark.long
@pytest.mark.spark
@pytest.mark.parametrize("case", SUBSET)
def test_spark_gives_the_same_rows(case, opened) -> None:
    spark, engines, schema = opened
    for kind, text in conformance.forms(case, schema):
        if kind != "refused":
            assert conformance.fault(text, case, spark, engines, schema) in ("", conformance.EXPECTED), text


SAID = {
    "FROM t |> DISTINCT": "FROM t |> SELECT DISTINCT *",
    "FROM t |> SELECT a, b |> RENAME a AS c": "FROM t |> SELECT a, b |> SELECT a AS c, b",
    "FROM t |> UNION ALL (FROM u), (FROM v)": "FROM t |> UNION ALL (FROM u) |> UNION ALL (FROM v)",
    "FROM t |> WHERE RANK() OVER (ORDER BY a) = 1": (
        "FROM t |> EXTEND RANK() OVER (ORDER BY a) AS spark_window_1 |> WHERE spark_window_1 = 1 |> DROP spark_window_1"
    ),
    "FROM t |> WINDOW SUM(a) OVER () AS s": "FROM t |> EXTEND SUM(a) OVER () AS s",
    "FROM t |> WHERE a IN (FROM u |> DISTINCT)": "FROM t |> WHERE a IN (FROM u |> SELECT DISTINCT *)",
}


@pytest.mark.parametrize("text", SAID)
def test_operators_that_spark_lacks_are_said_by_others(text) -> None:
    assert print_query(parse(text), "spark").replace("\n", " ") == SAID[text]


REFUSED = {
    "FROM t |> RENAME a AS b": "RENAME of a table's columns",
    "FROM t |> AGGREGATE COUNT(*) AS n GROUP BY CUBE (a)": "AGGREGATE with ROLLUP, CUBE or GROUPING SETS",
    "FROM t |> AGGREGATE COUNT(*) AS n GROUP AND ORDER BY a": "AGGREGATE with an order",
    "FROM t |> UNION ALL BY NAME (FROM u)": "UNION BY NAME",
    "FROM t |> LIMIT 3000000000": "LIMIT of more than 2147483647 rows",
    "FROM t |> SELECT AS STRUCT a": "SELECT AS STRUCT",
    "FROM t |> CALL f()": "CALL",
    "FROM t |> WITH w AS (FROM u) |> WHERE a = 1": "WITH",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_spark_cannot_say_is_refused_by_name(text) -> None:
    with pytest.raises(UnsupportedSql, match=REFUSED[text].replace("*", ".")):
        print_query(parse(text), "spark")
