"""What is read is printed so that Google's own parser sees the same tree; what it refuses is refused here.

`PIPESQL_GOOGLE_CASES=FILE` adds Google's own parser tests (`tests.conformance.google_cases`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipesql.errors import SqlError, SqlSyntaxError
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from tests.conformance import google_cases
from tests.support.oracles.google_trees import Parser, level
from tests.support.oracles.googlesql import GoogleSqlError

SAME = """
FROM t |> SELECT ALL a, b AS c, * EXCEPT (d), * REPLACE (e AS f), t.*, |> SELECT DISTINCT a
FROM t |> SELECT AS STRUCT a, b |> SELECT AS VALUE a |> SELECT DISTINCT AS my.Type a
FROM t |> SELECT sum(b) OVER (w), sum(c) OVER w, WINDOW w AS (PARTITION BY d), v AS w, u AS (w), x AS ()
FROM t |> EXTEND count(*) OVER w AS n WINDOW w AS (w2 ORDER BY a ROWS 2 PRECEDING)
FROM t |> WINDOW rank() OVER (ORDER BY a DESC NULLS LAST) AS r, lag(a) OVER (ROWS UNBOUNDED PRECEDING)
FROM t |> SET a = b + 1, `c d` = NULL, |> DROP a, `c d` |> RENAME a b, c AS d |> AS `order`
FROM t |> WHERE NOT x IN (1, 2) AND x NOT IN (3) OR NOT x BETWEEN 1 AND 2 AND x NOT BETWEEN 3 AND 4
FROM t |> WHERE x IS NOT TRUE AND NOT x IS TRUE AND x IS UNKNOWN AND x IS NOT UNKNOWN AND NOT x LIKE 'a'
FROM t |> WHERE x != 1 AND x <> 2 AND x IS NOT DISTINCT FROM y AND NOT EXISTS (FROM u) AND NOT (x IN (1))
FROM t |> WHERE d > DATE '2020-01-01' AND e < TIMESTAMP "2020-01-01" AND d = DATE_ADD(d, INTERVAL 3 DAY)
FROM t |> EXTEND CAST(a AS INT) AS b, CAST(a AS INT64) AS c, CAST(a AS BOOLEAN), CURRENT_DATE, POW(a, 2), POWER(a, 2)
FROM t |> EXTEND SUBSTR(a, 1) AS b, SUBSTRING(a, 1) AS c, SPLIT(a), SPLIT(a, ','), [1, 2], ARRAY(FROM t), ARRAY(SELECT 1)
FROM t |> LIMIT 3 |> LIMIT 3 OFFSET 2 |> LIMIT ALL OFFSET @n |> LIMIT CAST(@n AS INT64)
FROM t |> AGGREGATE count(*) AS n DESC, sum(a) ASC NULLS LAST, GROUP BY b AS c DESC NULLS FIRST, d, ()
FROM t |> AGGREGATE count(*) GROUP AND ORDER BY a, b DESC |> AGGREGATE GROUP BY a |> AGGREGATE x.*
FROM t |> AGGREGATE count(*) GROUP BY ROLLUP(a, (b, c)) |> AGGREGATE GROUP BY CUBE(a), GROUPING SETS((a, b), CUBE(c), ())
FROM t |> DISTINCT |> ORDER BY a, b ASC NULLS LAST, c DESC NULLS LAST, d COLLATE 'und:ci',
FROM t |> JOIN u |> JOIN u ON TRUE |> INNER JOIN v USING (a, b) |> LEFT OUTER JOIN w ON x |> CROSS JOIN y |> FULL JOIN z ON q
FROM t |> NATURAL JOIN u |> NATURAL LEFT JOIN v |> JOIN (FROM w |> WHERE a) AS w USING (b) |> JOIN LATERAL (FROM x) AS y ON TRUE
FROM t |> JOIN (u JOIN (v JOIN w) USING (a)) ON TRUE |> JOIN t.items WITH OFFSET |> LEFT JOIN t.items AS i WITH OFFSET AS o
FROM t, u AS v JOIN w ON a = b JOIN x USING (c), t.items, UNNEST([1, 2]) AS i WITH OFFSET, UNNEST(t.items) WITH OFFSET AS o
FROM t TABLESAMPLE bernoulli (10 PERCENT) |> JOIN (SELECT 1) AS u TABLESAMPLE system (1 ROWS) ON TRUE
FROM tvf(TABLE t, MODEL m.n, a => 1, (FROM u)) AS f |> JOIN g(TABLE t) ON TRUE
FROM t |> UNION ALL (FROM u), (SELECT 1), |> INTERSECT DISTINCT (FROM u) |> EXCEPT ALL (FROM u)
FROM t |> FULL OUTER UNION ALL BY NAME (FROM u) |> LEFT UNION DISTINCT BY NAME ON (a, b) (FROM u)
FROM t |> UNION ALL CORRESPONDING (FROM u) |> EXCEPT ALL STRICT CORRESPONDING BY (x) (FROM u)
FROM t |> RECURSIVE UNION ALL (FROM u) AS u |> RECURSIVE UNION DISTINCT BY NAME (|> WHERE a |> SELECT b)
FROM t |> WITH a AS (FROM u), b AS (SELECT 1), |> JOIN a ON TRUE |> WITH RECURSIVE c AS (FROM c)
FROM t |> CALL f() |> CALL a.g(1, TABLE t, y => (FROM u), MODEL m, INPUT TABLE, DESCRIPTOR(a, b), n => c -> c + 1) AS h
FROM t |> TABLESAMPLE reservoir (10 ROWS PARTITION BY a) WITH WEIGHT AS w REPEATABLE (@seed) |> TABLESAMPLE b (1 PERCENT)
FROM t |> PIVOT(sum(a) AS s, count(*) FOR b IN (1, 2 AS two)) AS p |> PIVOT(sum(a) FOR b IN ('x'))
FROM t |> UNPIVOT INCLUDE NULLS (a FOR b IN (c, d AS 'e', f 2)) u |> UNPIVOT((a, b) FOR c IN ((d, e), (f, g) AS 1))
FROM t |> ASSERT a > 1, 'message', b, |> DESCRIBE |> STATIC_DESCRIBE |> LOG |> LOG (|> WHERE a) |> TEE |> TEE (), (|> LIMIT 1)
FROM t |> IF a = CASE b WHEN 1 THEN 2 END THEN (|> WHERE c) ELSEIF TRUE THEN () ELSE (|> SELECT d) |> FORK (), (|> WHERE a)
FROM t |> CREATE TABLE u PARTITION BY a |> INSERT INTO v (a, b) |> EXPORT DATA WITH CONNECTION c OPTIONS (d = 1)
WITH a AS (FROM t), b AS (SELECT 1 UNION ALL SELECT 2) FROM a |> WHERE x IN (FROM b)
WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL (FROM a |> WHERE n < 3)) FROM a
SELECT 1 AS a, 'x', |> WHERE a
(FROM t |> WHERE a) |> WHERE b
((SELECT 1 AS a)) AS t |> WHERE t.a
(SELECT 1 AS a) AS t LIMIT 10 |> WHERE t.a
((FROM t) UNION ALL (SELECT 1)) AS u |> WHERE a
SELECT 1 UNION ALL SELECT 2 |> WHERE a
SELECT 1 UNION ALL STRICT CORRESPONDING SELECT 2 ORDER BY 1 LIMIT 3 |> WHERE a
((SELECT 1) INTERSECT ALL (FROM t)) EXCEPT DISTINCT (FROM u |> WHERE a) |> WHERE b
SELECT DISTINCT a FROM t JOIN u ON TRUE JOIN v, w LEFT JOIN x USING (y) CROSS JOIN z, t.items AS i |> WHERE a
SELECT a, count(*) FROM t WHERE b GROUP BY ROLLUP(a, c) HAVING d QUALIFY e WINDOW w AS (ORDER BY a) ORDER BY 1 LIMIT 2 |> AS x
FROM t |> WHERE a IN ((SELECT 1) UNION ALL (FROM u)) AND (SELECT max(b) FROM v) > ((FROM w |> AGGREGATE max(c)))
""".strip().splitlines()  # noqa: E501

REFUSED = """
FROM t |> WHERE (x AS y) > 1
WITH 'a' AS (FROM t) FROM a
WITH select AS (FROM t) FROM t
WITH a AS (FROM t), FROM a
FROM t |> AS 'a'
FROM t |> AS from
FROM t |> SET 'a' = 1
FROM t |> SET a.b = 1
FROM t |> SET a = DEFAULT
FROM t |> DROP 'a'
FROM t |> DROP a.b
FROM t |> RENAME a AS 'b'
FROM t |> RENAME a AS
FROM t |> EXTEND *
FROM t |> EXTEND 1 + sum(x) OVER ().*
FROM t |> EXTEND f(x.*)
FROM t |> AGGREGATE *
FROM t |> AGGREGATE count(*) GROUP BY ALL
FROM t |> AGGREGATE count(*) GROUP BY a.*
FROM t |> AGGREGATE count(*) GROUP BY ROLLUP(a AS b)
FROM t |> ASSERT a,,
FROM t |> JOIN u USING ('a')
FROM t |> JOIN u ON a ON b
FROM t |> JOIN u JOIN v
FROM t |> JOIN (u JOIN v) AS w
FROM GROUP ROWS
FROM 't'
FROM t UNION ALL FROM u
FROM t |> UNION (FROM u)
FROM t |> UNION ALL FROM u
FROM t |> UNION ALL ()
FROM t |> UNION ALL STRICT BY NAME (FROM u)
FROM t |> RIGHT UNION ALL (FROM u)
FROM t |> RECURSIVE UNION ALL (FROM u) v
FROM t |> PIVOT(sum(a), FOR b IN (1))
FROM t |> PIVOT(sum(a) FOR b IN ())
FROM t |> UNPIVOT(a FOR b IN (c AS NULL))
FROM t |> TABLESAMPLE bernoulli (10)
FROM t |> CALL f(1,)
FROM t |> CALL f
FROM t |> LOG (), ()
FROM t |> FORK
FROM t |> IF a THEN
FROM t |> WITH
FROM t |> DISTINCT a
FROM t |> SELECT
FROM t |>
FROM t |> |> WHERE a
FROM t |> EXTEND a AS 'b'
FROM t |> SELECT a AS full
FROM t AS full
FROM t 'x'
(SELECT 1) t |> WHERE a
()
FROM
""".strip().splitlines()


@pytest.fixture(scope="module")
def google() -> Parser:
    reason = "Google's engine is not installed: pip install zetasql wasmtime"
    for module in ("zetasql", "wasmtime", "tzdata"):
        pytest.importorskip(module, reason=reason)
    return Parser()


@pytest.mark.parametrize("text", SAME)
def test_printed_text_has_the_same_tree(google: Parser, text: str) -> None:
    printed = print_query(parse(text))
    assert level(google.statement(printed)) == level(google.statement(text)), printed
    assert print_query(parse(printed)) == printed


@pytest.mark.parametrize("text", REFUSED)
def test_what_google_refuses_is_refused(google: Parser, text: str) -> None:
    with pytest.raises(GoogleSqlError):
        google.statement(text)
    with pytest.raises(SqlSyntaxError) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["FROM t |> MATCH_RECOGNIZE (a)", "FROM t |> ORDER @{a=1} BY b", "FROM a JOIN b JOIN c ON d ON e"]
)
def test_what_is_not_read_is_named_with_its_place(text: str) -> None:
    with pytest.raises(SqlError, match=r"cannot express .*line 1, column \d+"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["WITH '\n' AS (FROM t) FROM t", "FROM t |> AS '\n\n'", "FROM t |> '\n'", "FROM t |> JOIN u '\n\n'"]
)
def test_errors_stay_on_one_line(text: str) -> None:
    with pytest.raises(SqlSyntaxError, match="line 1") as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not os.environ.get(google_cases.VARIABLE), reason=f"set {google_cases.VARIABLE} to Google's cases")
def test_googles_own_cases(google: Parser) -> None:
    report = google_cases.measure(Path(os.environ[google_cases.VARIABLE]))
    assert not [case for case in report.inside if case.outcome != google_cases.SAME]
    assert not [case for case in report.accepted if case.outcome == google_cases.FOREIGN] + report.foreign
    assert len(report.failed) <= 0.1 * len(report.accepted)
    assert len(report.wrongly_accepted) <= 0.05 * report.refused
