--- case: real and whole division
--- dialect
duckdb
--- gold
SELECT age / 2, age // 2, age % 2 FROM singer
--- pipe
FROM singer
|> SELECT age / 2, DIV(age, 2), MOD(age, 2)
--- sql
SELECT age / 2, age // 2, age % 2 FROM singer
--- rows
15.5 | 15 | 1
12.5 | 12 | 1
NULL | NULL | NULL
12.5 | 12 | 1
23.5 | 23 | 1

--- case: nulls come last
--- dialect
duckdb
--- gold
SELECT name FROM singer ORDER BY age, name DESC NULLS FIRST
--- pipe
FROM singer
|> ORDER BY age NULLS LAST, name DESC NULLS FIRST
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY age, name DESC NULLS FIRST
--- rows
'ann'
'Bob'
'Ann'
"D'Or"
'Cem'

--- case: like minds case, ilike does not
--- dialect
duckdb
--- gold
SELECT name FROM singer WHERE name LIKE 'A%' OR name ILIKE 'B%'
--- pipe
FROM singer
|> WHERE name LIKE 'A%' OR LOWER(name) LIKE 'b%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE name LIKE 'A%' OR LOWER(name) LIKE 'b%'
--- rows
'Ann'
'Bob'

--- case: like without an escape character
--- dialect
duckdb
--- gold
SELECT name FROM singer WHERE name LIKE 'a\b%'
--- pipe
FROM singer
|> WHERE name LIKE 'a\\\\b%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE name LIKE 'a\\b%' ESCAPE '\'
--- rows
(none)

--- case: qualify
--- dialect
duckdb
--- gold
SELECT name FROM singer QUALIFY ROW_NUMBER() OVER (PARTITION BY country ORDER BY age, name) = 1 ORDER BY name
--- pipe
FROM singer
|> WHERE ROW_NUMBER() OVER (PARTITION BY country ORDER BY age NULLS LAST, name NULLS LAST) = 1
|> ORDER BY name NULLS LAST
|> SELECT name
--- sql
SELECT name FROM (SELECT name, age, country, ROW_NUMBER() OVER (PARTITION BY country ORDER BY age, name) AS hidden FROM singer) AS t WHERE hidden = 1 ORDER BY name
--- rows
'Ann'
'Bob'
"D'Or"
'ann'

--- case: qualify by an output
--- dialect
duckdb
--- gold
SELECT name, RANK() OVER (ORDER BY age DESC) AS r FROM singer QUALIFY r <= 2 ORDER BY name
--- pipe
FROM singer
|> EXTEND RANK() OVER (ORDER BY age DESC) AS r
|> WHERE r <= 2
|> ORDER BY name NULLS LAST
|> SELECT name, r
--- sql
SELECT name, r FROM (SELECT name, RANK() OVER (ORDER BY age DESC) AS r FROM singer) AS t WHERE r <= 2 ORDER BY name
--- rows
'Ann' | 2
"D'Or" | 1

--- case: qualify after aggregation
--- dialect
duckdb
--- gold
SELECT country, COUNT(*) AS n FROM singer GROUP BY country QUALIFY RANK() OVER (ORDER BY n DESC) = 1
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS n GROUP BY country
|> WHERE RANK() OVER (ORDER BY n DESC) = 1
--- sql
SELECT country, n FROM (SELECT country, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS hidden FROM singer GROUP BY country) AS t WHERE hidden = 1
--- rows
'France' | 2

--- case: distinct on
--- dialect
duckdb
--- gold
SELECT DISTINCT ON (country) country, name FROM singer ORDER BY country, age DESC
--- pipe
FROM singer
|> WHERE ROW_NUMBER() OVER (PARTITION BY country ORDER BY country NULLS LAST, age DESC) = 1
|> ORDER BY country NULLS LAST, age DESC
|> SELECT country, name
--- sql
SELECT country, name FROM (SELECT name, age, country, ROW_NUMBER() OVER (PARTITION BY country ORDER BY country, age DESC) AS hidden FROM singer) AS t WHERE hidden = 1 ORDER BY country, age DESC
--- rows
'Chile' | 'Bob'
'France' | 'Ann'
'Peru' | "D'Or"
NULL | 'ann'

--- case: group by all, order by all
--- dialect
duckdb
--- gold
SELECT country, age, COUNT(*) FROM singer GROUP BY ALL ORDER BY ALL
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country, age
|> ORDER BY country NULLS LAST, age NULLS LAST, count NULLS LAST
--- sql
SELECT country, age, COUNT(*) AS count FROM singer GROUP BY country, age ORDER BY country, age, count
--- rows
'Chile' | 25 | 1
'France' | 31 | 1
'France' | NULL | 1
'Peru' | 47 | 1
NULL | 25 | 1

--- case: rollup
--- dialect
duckdb
--- gold
SELECT country, COUNT(*) AS n FROM singer GROUP BY ROLLUP (country) ORDER BY n DESC, country
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS n GROUP BY ROLLUP (country)
|> ORDER BY n DESC, country NULLS LAST
--- sql
SELECT country, COUNT(*) AS n FROM singer GROUP BY ROLLUP (country) HAVING COUNT(*) > 0 ORDER BY n DESC, country
--- rows
NULL | 5
'France' | 2
'Chile' | 1
'Peru' | 1
NULL | 1

--- case: cube
--- dialect
duckdb
--- gold
SELECT country, age, COUNT(*) AS n FROM singer GROUP BY CUBE (country, age) ORDER BY ALL
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS n GROUP BY CUBE (country, age)
|> ORDER BY country NULLS LAST, age NULLS LAST, n NULLS LAST
--- sql
SELECT country, age, COUNT(*) AS n FROM singer GROUP BY CUBE (country, age) HAVING COUNT(*) > 0 ORDER BY country, age, n
--- rows
'Chile' | 25 | 1
'Chile' | NULL | 1
'France' | 31 | 1
'France' | NULL | 1
'France' | NULL | 2
'Peru' | 47 | 1
'Peru' | NULL | 1
NULL | 25 | 1
NULL | 25 | 2
NULL | 31 | 1
NULL | 47 | 1
NULL | NULL | 1
NULL | NULL | 1
NULL | NULL | 5

--- case: grouping sets
--- dialect
duckdb
--- gold
SELECT country, age + 1, COUNT(*), GROUPING(country) FROM singer GROUP BY GROUPING SETS ((country, age + 1), (country), ()) ORDER BY ALL
--- pipe
FROM singer
|> EXTEND age + 1 AS value
|> AGGREGATE COUNT(*) AS count, GROUPING(country) AS grouping_country GROUP BY GROUPING SETS ((country, value), country, ())
|> ORDER BY country NULLS LAST, value NULLS LAST, count NULLS LAST, grouping_country NULLS LAST
--- sql
SELECT country, value, COUNT(*) AS count, GROUPING(country) AS grouping_country FROM (SELECT country, age + 1 AS value FROM singer) AS t GROUP BY GROUPING SETS ((country, value), (country), ()) HAVING COUNT(*) > 0 ORDER BY country, value, count, grouping_country
--- rows
'Chile' | 26 | 1 | 0
'Chile' | NULL | 1 | 0
'France' | 32 | 1 | 0
'France' | NULL | 1 | 0
'France' | NULL | 2 | 0
'Peru' | 48 | 1 | 0
'Peru' | NULL | 1 | 0
NULL | 26 | 1 | 0
NULL | NULL | 1 | 0
NULL | NULL | 5 | 1

--- case: star without columns
--- dialect
duckdb
--- gold
SELECT * EXCLUDE (age, rating) FROM singer
--- pipe
FROM singer
|> SELECT singer_id, name, country
--- sql
SELECT singer_id, name, country FROM singer
--- rows
1 | 'Ann' | 'France'
2 | 'Bob' | 'Chile'
3 | 'Cem' | 'France'
4 | 'ann' | NULL
5 | "D'Or" | 'Peru'

--- case: star with a column replaced
--- dialect
duckdb
--- gold
SELECT * REPLACE (age + 1 AS age) FROM singer WHERE age > 30
--- pipe
FROM singer
|> WHERE age > 30
|> SELECT singer_id, name, age + 1 AS age, country, rating
--- sql
SELECT singer_id, name, singer.age + 1 AS age, country, rating FROM singer WHERE singer.age > 30
--- rows
1 | 'Ann' | 32 | 'France' | 4.5
5 | "D'Or" | 48 | 'Peru' | 1.25

--- case: alias in where
--- dialect
duckdb
--- gold
SELECT name AS n, n || '!' FROM singer WHERE n <> 'Ann'
--- pipe
FROM singer
|> WHERE name <> 'Ann'
|> SELECT name AS n, name || '!'
--- sql
SELECT name AS n, name || '!' FROM singer WHERE name <> 'Ann'
--- rows
'Bob' | 'Bob!'
'Cem' | 'Cem!'
'ann' | 'ann!'
"D'Or" | "D'Or!"

--- case: values with names
--- dialect
duckdb
--- gold
SELECT x FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y) WHERE y = 'b'
--- pipe
SELECT 1 AS x, 'a' AS y
|> UNION ALL (SELECT 2, 'b')
|> WHERE y = 'b'
|> SELECT x
--- sql
SELECT x FROM (SELECT 1 AS x, 'a' AS y UNION ALL SELECT 2, 'b') AS t WHERE y = 'b'
--- rows
2

--- case: query in brackets, sorted and cut
--- dialect
duckdb
--- gold
(SELECT name FROM singer ORDER BY age, name LIMIT 3) ORDER BY name DESC LIMIT 2
--- pipe
FROM singer
|> ORDER BY age NULLS LAST, name NULLS LAST
|> LIMIT 3
|> SELECT name
|> ORDER BY name DESC
|> LIMIT 2
--- sql
SELECT * FROM (SELECT name FROM singer ORDER BY age, name LIMIT 3) AS t ORDER BY name DESC LIMIT 2
--- rows
'ann'
'Bob'

--- case: arms in brackets
--- dialect
duckdb
--- gold
(SELECT seats FROM hall ORDER BY seats LIMIT 1) UNION ALL (SELECT age FROM singer ORDER BY age DESC LIMIT 1) ORDER BY 1
--- pipe
FROM hall
|> ORDER BY seats NULLS LAST
|> LIMIT 1
|> SELECT seats
|> UNION ALL (FROM singer |> ORDER BY age DESC |> LIMIT 1 |> SELECT age)
|> ORDER BY seats NULLS LAST
--- sql
SELECT * FROM (SELECT seats FROM hall ORDER BY seats LIMIT 1) AS t UNION ALL SELECT * FROM (SELECT age FROM singer ORDER BY age DESC LIMIT 1) AS u ORDER BY 1
--- rows
7
47

--- case: expression behind a set operation
--- dialect
duckdb
--- gold
SELECT age FROM singer UNION SELECT seats FROM hall ORDER BY age % 10, 1
--- pipe
FROM singer
|> SELECT age
|> UNION DISTINCT (FROM hall |> SELECT seats)
|> ORDER BY MOD(age, 10) NULLS LAST, age NULLS LAST
--- sql
SELECT * FROM (SELECT age FROM singer UNION SELECT seats FROM hall) AS t ORDER BY age % 10, age
--- rows
40
900
5000
31
25
7
47
NULL

--- case: filter
--- dialect
duckdb
--- gold
SELECT COUNT(*) FILTER (WHERE age > 26), SUM(age) FILTER (WHERE rating IS NULL) FROM singer
--- pipe
FROM singer
|> AGGREGATE COUNT(IF(age > 26, 1, NULL)) AS count, SUM(IF(rating IS NULL, age, NULL)) AS sum
--- sql
SELECT COUNT(CASE WHEN age > 26 THEN 1 ELSE NULL END) AS count, SUM(CASE WHEN rating IS NULL THEN age ELSE NULL END) AS sum FROM singer
--- rows
2 | 25

--- case: concat passes over nulls, || does not
--- dialect
duckdb
--- gold
SELECT CONCAT(name, country), name || country FROM singer
--- pipe
FROM singer
|> SELECT CONCAT(COALESCE(name, ''), COALESCE(country, '')), name || country
--- sql
SELECT COALESCE(name, '') || COALESCE(country, ''), name || country FROM singer
--- rows
'AnnFrance' | 'AnnFrance'
'BobChile' | 'BobChile'
'CemFrance' | 'CemFrance'
'ann' | NULL
"D'OrPeru" | "D'OrPeru"

--- case: greatest passes over nulls
--- dialect
duckdb
--- gold
SELECT GREATEST(age, 30) FROM singer
--- pipe
FROM singer
|> SELECT COALESCE(GREATEST(age, 30), age, 30)
--- sql
SELECT COALESCE(CASE WHEN age IS NULL OR 30 IS NULL THEN NULL ELSE GREATEST(age, 30) END, age, 30) FROM singer
--- rows
31
30
30
30
47

--- case: a text beside a number
--- dialect
duckdb
--- gold
SELECT name FROM singer WHERE age = '25' OR age IN ('31')
--- pipe
FROM singer
|> WHERE age = 25 OR age IN (31)
|> SELECT name
--- sql
SELECT name FROM singer WHERE age = 25 OR age IN (31)
--- rows
'Ann'
'Bob'
'ann'

--- case: a column in double quotes
--- dialect
duckdb
--- gold
SELECT "name" FROM singer WHERE "age" > 30
--- pipe
FROM singer
|> WHERE age > 30
|> SELECT name
--- sql
SELECT name FROM singer WHERE age > 30
--- rows
'Ann'
"D'Or"

--- case: no text in double quotes
--- dialect
duckdb
--- gold
SELECT name FROM singer WHERE name = "Ann"
--- refused
no column Ann in this query: there are singer_id, name, age, country, rating

--- case: bare column
--- dialect
duckdb
--- gold
SELECT name, age FROM singer GROUP BY name
--- refused
cannot express a column that is neither grouped nor aggregated: age: add it to GROUP BY

--- case: real to integer
--- dialect
duckdb
--- gold
SELECT CAST(rating AS INTEGER) FROM singer
--- refused
cannot express a CAST of reals to integers, which rounds halves to even, in duckdb: CAST(singer.rating AS INT)

--- case: a function with no counterpart
--- dialect
duckdb
--- gold
SELECT MEDIAN(age) FROM singer
--- refused
cannot express MEDIAN of duckdb: MEDIAN(singer.age)
