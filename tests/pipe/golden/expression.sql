--- case: integer and real division
--- gold
SELECT age / 2, age / 2.0, rating / 2, 7 / 2, age % 2 FROM singer WHERE singer_id = 1
--- pipe
FROM singer
|> WHERE singer_id = 1
|> SELECT DIV(age, 2), age / 2.0, rating / 2, DIV(7, 2), MOD(age, 2)
--- sql
SELECT age / 2, age / 2.0, rating / 2, 7 / 2, age % 2 FROM singer WHERE singer_id = 1
--- rows
15 | 15.5 | 2.25 | 3 | 1

--- case: minus of minus
--- gold
SELECT age - -1, -age, -(-age), age - (3 - 1) FROM singer WHERE singer_id = 1
--- pipe
FROM singer
|> WHERE singer_id = 1
|> SELECT age - -1, -age, -(-age), age - (3 - 1)
--- sql
SELECT age - -1, -age, -(-age), age - (3 - 1) FROM singer WHERE singer_id = 1
--- rows
32 | -31 | 31 | 29

--- case: precedence when substituted
--- gold
SELECT q.d * 2 FROM (SELECT age - 1 AS d FROM singer) AS q WHERE q.d * 2 > 50
--- pipe
FROM singer
|> SELECT age - 1 AS d
|> WHERE d * 2 > 50
|> SELECT d * 2
--- sql
SELECT (age - 1) * 2 FROM singer WHERE (age - 1) * 2 > 50
--- rows
60
92

--- case: case
--- gold
SELECT CASE WHEN age > 30 THEN 'old' WHEN age IS NULL THEN NULL ELSE 'young' END, CASE country WHEN 'Peru' THEN 1 END FROM singer
--- pipe
FROM singer
|> SELECT CASE WHEN age > 30 THEN 'old' WHEN age IS NULL THEN NULL ELSE 'young' END, CASE country WHEN 'Peru' THEN 1 END
--- sql
SELECT CASE WHEN age > 30 THEN 'old' WHEN age IS NULL THEN NULL ELSE 'young' END, CASE country WHEN 'Peru' THEN 1 END FROM singer
--- rows
'old' | NULL
'young' | NULL
NULL | NULL
'young' | NULL
'old' | 1

--- case: cast
--- gold
SELECT CAST(rating AS INTEGER), CAST(age AS TEXT), CAST(name AS REAL) FROM singer
--- pipe
FROM singer
|> SELECT CAST(TRUNC(rating) AS INT64), CAST(age AS STRING), CAST(name AS FLOAT64)
--- sql
SELECT CAST(rating AS INTEGER), CAST(age AS TEXT), CAST(name AS REAL) FROM singer
--- rows
4 | '31' | 0.0
NULL | '25' | 0.0
3 | NULL | 0.0
3 | '25' | 0.0
1 | '47' | 0.0
--- google
Bad double value: Ann
--- spark
CAST_INVALID_INPUT

--- case: concatenation
--- gold
SELECT name || ' of ' || country FROM singer
--- pipe
FROM singer
|> SELECT name || ' of ' || country
--- sql
SELECT name || ' of ' || country FROM singer
--- rows
'Ann of France'
'Bob of Chile'
'Cem of France'
NULL
"D'Or of Peru"

--- case: functions
--- gold
SELECT ROUND(rating, 1), SUBSTR(name, 2, 2), LENGTH(name), UPPER(name), ABS(-age), COALESCE(age, 0), NULLIF(age, 25) FROM singer
--- pipe
FROM singer
|> SELECT ROUND(rating, 1), SUBSTRING(name, 2, 2), LENGTH(name), UPPER(name), ABS(-age), COALESCE(age, 0), NULLIF(age, 25)
--- sql
SELECT ROUND(rating, 1), SUBSTRING(name, 2, 2), LENGTH(name), UPPER(name), ABS(-age), COALESCE(age, 0), NULLIF(age, 25) FROM singer
--- rows
4.5 | 'nn' | 3 | 'ANN' | 31 | 31 | 31
NULL | 'ob' | 3 | 'BOB' | 25 | 25 | NULL
3.0 | 'em' | 3 | 'CEM' | NULL | 0 | NULL
3.0 | 'nn' | 3 | 'ANN' | 25 | 25 | NULL
1.3 | "'O" | 4 | "D'OR" | 47 | 47 | 47

--- case: largest of a row
--- gold
SELECT MAX(age, 30), MIN(age, 30) FROM singer
--- pipe
FROM singer
|> SELECT GREATEST(age, 30), LEAST(age, 30)
--- sql
SELECT MAX(age, 30), MIN(age, 30) FROM singer
--- rows
31 | 30
30 | 25
NULL | NULL
30 | 25
47 | 30

--- case: iif
--- gold
SELECT IIF(age > 30, 'a', 'b') FROM singer
--- pipe
FROM singer
|> SELECT IF(age > 30, 'a', 'b')
--- sql
SELECT IIF(age > 30, 'a', 'b') FROM singer
--- rows
'a'
'b'
'b'
'b'
'a'

--- case: dates
--- gold
SELECT strftime('%Y', '2024-02-03'), date('2024-02-28', '+2 days'), julianday('2024-01-02') - julianday('2024-01-01')
--- pipe
SELECT FORMAT_TIMESTAMP('%Y', '2024-02-03'), DATE('2024-02-28', '+2 days'), JULIANDAY('2024-01-02') - JULIANDAY('2024-01-01')
--- sql
SELECT STRFTIME('%Y', '2024-02-03'), DATE('2024-02-28', '+2 days'), JULIANDAY('2024-01-02') - JULIANDAY('2024-01-01')
--- rows
'2024' | '2024-03-01' | 1.0
--- google
Function not found: JULIANDAY
--- spark
Cannot resolve routine `JULIANDAY`

--- case: odd strings
--- gold
SELECT 'a\b', 'x |> y', '"', '`', 'line
break'
--- pipe
SELECT 'a\\b', 'x |> y', '"', '`', 'line\nbreak'
--- sql
SELECT 'a\b', 'x |> y', '"', '`', 'line
break'
--- rows
'a\\b' | 'x |> y' | '"' | '`' | 'line\nbreak'

--- case: odd names
--- gold
SELECT "first name", "1st" AS "the 1st", "naïve" FROM "order" WHERE "group" = 1 ORDER BY "1st"
--- pipe
FROM `order`
|> WHERE `group` = 1
|> ORDER BY `1st`
|> SELECT `first name`, `1st` AS `the 1st`, `naïve`
--- sql
SELECT "first name", "1st" AS "the 1st", "naïve" FROM "order" WHERE "group" = 1 ORDER BY "1st"
--- rows
'Cy' | NULL | NULL
'Ann' | 7 | 'é'

--- case: names of functions and reserved words
--- gold
SELECT "group" AS "select", COUNT(*) AS "count" FROM "order" GROUP BY "group" HAVING "count" > 1
--- pipe
FROM `order`
|> AGGREGATE COUNT(*) AS count GROUP BY `group` AS `select`
|> WHERE count > 1
--- sql
SELECT "group" AS "select", COUNT(*) AS count FROM "order" GROUP BY "group" HAVING COUNT(*) > 1
--- rows
1 | 2
