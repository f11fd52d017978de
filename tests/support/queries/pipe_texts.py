"""Pipe texts with the operators that decompiling never writes, and pieces to damage texts with."""

from __future__ import annotations

_PIECES = r"""
    ( ) , ; |> . * + - / ' " ` [ ] { } @ ? : = < > || -- /* */ \ é # ''' ( ) [] <> => != << ~ ^ & | % $1 :x @p
    @@v SELECT FROM WHERE AS ON AND OR NOT IN BETWEEN LIKE IS NULL CASE WHEN THEN ELSE END GROUP BY ORDER LIMIT
    OFFSET HAVING AGGREGATE EXTEND SET DROP RENAME DISTINCT UNION ALL EXCEPT INTERSECT JOIN LEFT CROSS FULL
    NATURAL USING WITH RECURSIVE OVER PARTITION EXISTS CAST INT64 INTERVAL DATE STRUCT ARRAY UNNEST COUNT(*) MAX
    PIVOT UNPIVOT TABLESAMPLE CALL ASSERT WINDOW LOG TEE FORK IF STATIC_DESCRIBE DESCRIBE CREATE INSERT EXPORT
    QUALIFY ROLLUP CUBE GROUPING SETS REPLACE ROWS singer hall age a b x order group 1 0.5 1e3 1e999
    99999999999999999999 0x1F 'x' b'x' r'x' "x" `b` TRUE FROM FROM |> |>WHERE |>SELECT (FROM (SELECT FOR VALUES
    ANY SOME NULLS FIRST ASC DESC ROW BY NAME CORRESPONDING LATERAL
"""
PIECES = _PIECES.split()

PIPES = [
    "FROM a |> WINDOW SUM(x) OVER (PARTITION BY s ORDER BY id) AS total |> WHERE total > 3",
    "FROM a |> TABLESAMPLE BERNOULLI (10 PERCENT) |> SELECT x",
    "FROM a |> TABLESAMPLE RESERVOIR (3 ROWS PARTITION BY s) REPEATABLE (7)",
    "FROM a |> SELECT s, x |> PIVOT (SUM(x) AS total, COUNT(*) FOR s IN ('one' AS one, 'Two')) |> DROP total_one",
    "FROM a |> UNPIVOT INCLUDE NULLS (value FOR name IN (id AS 'i', x AS 'e')) AS p |> WHERE p.value > 1",
    "FROM a |> UNPIVOT ((v, w) FOR name IN ((id, x), (x, id) AS 'z'))",
    "FROM a |> ASSERT x > 0, 'negative: ', x |> SELECT x",
    "FROM a |> CALL f(1, name => 'x', TABLE b) AS g",
    "FROM a |> WITH w AS (FROM b |> SELECT bid) |> JOIN w ON id = bid",
    "WITH RECURSIVE n AS (SELECT 1 AS i |> UNION ALL (FROM n |> WHERE i < 5 |> SELECT i + 1 AS i)) FROM n",
    "SELECT 1 AS i |> RECURSIVE UNION ALL (FROM base |> SET i = i + 1 |> WHERE i < 9) AS base",
    "FROM a |> AGGREGATE COUNT(*) AS n, SUM(x) DESC GROUP AND ORDER BY s ASC NULLS LAST, id DESC",
    "FROM a |> AGGREGATE COUNT(*) AS n GROUP BY ROLLUP (s, id) |> ORDER BY n",
    "FROM a |> AGGREGATE SUM(x) AS t GROUP BY GROUPING SETS ((s, id), s, ()), CUBE (y)",
    "FROM a |> SELECT * EXCEPT (x) REPLACE (id + 1 AS id), a.* |> SELECT DISTINCT id",
    "FROM a |> SELECT AS STRUCT id, x",
    "FROM a |> SELECT AS VALUE x",
    "FROM a JOIN b ON a.id = b.bid LEFT JOIN c USING (cid), e |> SELECT a.id",
    "(FROM a |> WHERE x > 1) |> UNION ALL BY NAME (FROM a), (SELECT 1 AS id) |> LIMIT 3 OFFSET 1",
    "(SELECT id FROM a ORDER BY id LIMIT 3) |> INTERSECT DISTINCT CORRESPONDING BY (id) (FROM e)",
    "SELECT a.id, COUNT(*) AS n FROM a JOIN b ON id = bid WHERE x > 1 GROUP BY a.id HAVING n > 1 |> WHERE n > 2",
    "FROM a |> FULL OUTER JOIN (FROM b |> AGGREGATE MAX(bx) AS m GROUP BY bid) AS q ON q.bid = a.id |> SET x = q.m",
    "FROM a, UNNEST([1, 2, 3]) AS v WITH OFFSET AS o |> WHERE v > o",
    "FROM a |> WHERE EXISTS (FROM b |> WHERE bid = a.id) AND id IN (FROM e |> SELECT id) |> DROP s |> RENAME x AS z",
    "FROM a |> EXTEND ARRAY_AGG(x ORDER BY id LIMIT 2) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r, [1, 2][0]",
    "FROM a |> EXTEND STRUCT(x AS p, y) AS t, CAST(s AS DATE) + INTERVAL 1 DAY AS d, EXTRACT(YEAR FROM s)",
    "FROM a |> LOG |> TEE (|> WHERE x > 1), (|> LIMIT 1) |> FORK (|> SELECT id), (|> AGGREGATE COUNT(*))",
    "FROM a |> IF (1 > 0) THEN (|> WHERE x > 1) ELSEIF (FALSE) THEN (|> LIMIT 1) ELSE (|> DROP x) |> DESCRIBE",
    "FROM a |> CREATE TABLE z OPTIONS (expires = 3)",
    "FROM a |> INSERT INTO z (id, x) |> EXPORT DATA OPTIONS (uri = 'x')",
    "FROM a |> MATCH_RECOGNIZE (ORDER BY id MEASURES MAX(x) AS m PATTERN (u d+) DEFINE u AS x > 1, d AS x < 1)",
    "FROM a AS t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP() |> AS u |> SELECT u.id",
    "FROM a |> NATURAL JOIN e |> CROSS JOIN c |> LEFT JOIN UNNEST(GENERATE_ARRAY(1, a.id)) AS g",
    "FROM `order` |> SELECT `order`.`order`, `first name` |> ORDER BY `first name` COLLATE 'und:ci' DESC NULLS LAST",
    "FROM a -- a comment\n|> WHERE x > 1 /* another */ # and one more\n|> SELECT id;",
]
