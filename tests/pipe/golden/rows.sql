--- case: values
--- gold
VALUES (1, 'a'), (2, NULL)
--- pipe
SELECT 1 AS column1, 'a' AS column2
|> UNION ALL (SELECT 2, NULL)
--- sql
SELECT 1 AS column1, 'a' AS column2 UNION ALL SELECT 2, NULL
--- rows
1 | 'a'
2 | NULL

--- case: values in from
--- gold
SELECT column1 FROM (VALUES (1, 2), (3, 4)) WHERE column2 > 2
--- pipe
SELECT 1 AS column1, 2 AS column2
|> UNION ALL (SELECT 3, 4)
|> WHERE column2 > 2
|> SELECT column1
--- sql
SELECT column1 FROM (SELECT 1 AS column1, 2 AS column2 UNION ALL SELECT 3, 4) AS t WHERE column2 > 2
--- rows
3

--- case: values as a cte
--- gold
WITH v(a, b) AS (VALUES (1, 'x'), (2, 'y')) SELECT b FROM v WHERE a = 2
--- pipe
WITH v AS (SELECT 1 AS a, 'x' AS b |> UNION ALL (SELECT 2, 'y')) FROM v
|> WHERE a = 2
|> SELECT b
--- sql
WITH v AS (SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y') SELECT b FROM v WHERE a = 2
--- rows
'y'

--- case: values in in
--- gold
SELECT name FROM singer WHERE age IN (VALUES (25), (31))
--- pipe
FROM singer
|> WHERE age IN (SELECT 25 AS column1 |> UNION ALL (SELECT 31))
|> SELECT name
--- sql
SELECT name FROM singer WHERE age IN (SELECT 25 AS column1 UNION ALL SELECT 31)
--- rows
'Ann'
'Bob'
'ann'

--- case: where without from
--- gold
SELECT 1 WHERE 1 = 2
--- pipe
SELECT 1 AS one
|> WHERE 1 = 2
|> SELECT 1
--- sql
SELECT 1 WHERE 1 = 2
--- rows
(none)

--- case: where with a subquery, without from
--- gold
SELECT 1 AS a, 'x' WHERE EXISTS (SELECT 1 FROM singer) LIMIT 3
--- pipe
SELECT 1 AS one
|> WHERE EXISTS(FROM singer |> SELECT 1)
|> LIMIT 3
|> SELECT 1 AS a, 'x'
--- sql
SELECT 1 AS a, 'x' WHERE EXISTS(SELECT 1 FROM singer) LIMIT 3
--- rows
1 | 'x'

--- case: count without from
--- gold
SELECT COUNT(*) WHERE 1 = 0
--- pipe
SELECT 1 AS one
|> WHERE 1 = 0
|> AGGREGATE COUNT(*) AS count
--- sql
SELECT COUNT(*) AS count FROM (SELECT 1 AS one WHERE 1 = 0) AS t
--- rows
0

--- case: limit without from
--- gold
SELECT 5 LIMIT 0
--- pipe
SELECT 5
|> LIMIT 0
--- sql
SELECT 5 LIMIT 0
--- rows
(none)

--- case: a row that sees the query around it
--- gold
SELECT name, (SELECT 'old' WHERE singer.age > 30) FROM singer
--- pipe
FROM singer
|> SELECT name, (SELECT 1 AS one |> WHERE singer.age > 30 |> SELECT 'old')
--- sql
SELECT name, (SELECT 'old' WHERE singer.age > 30) FROM singer
--- rows
'Ann' | 'old'
'Bob' | NULL
'Cem' | NULL
'ann' | NULL
"D'Or" | 'old'
