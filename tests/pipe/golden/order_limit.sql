--- case: ascending and descending
--- gold
SELECT name, age FROM singer ORDER BY age DESC, name
--- pipe
FROM singer
|> ORDER BY age DESC, name
|> SELECT name, age
--- sql
SELECT name, age FROM singer ORDER BY age DESC, name
--- rows
"D'Or" | 47
'Ann' | 31
'Bob' | 25
'ann' | 25
'Cem' | NULL

--- case: by what is not shown
--- gold
SELECT name FROM singer ORDER BY rating, singer_id
--- pipe
FROM singer
|> ORDER BY rating, singer_id
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY rating, singer_id
--- rows
'Bob'
"D'Or"
'Cem'
'ann'
'Ann'

--- case: by position
--- gold
SELECT name, age FROM singer ORDER BY 2, 1
--- pipe
FROM singer
|> ORDER BY age, name
|> SELECT name, age
--- sql
SELECT name, age FROM singer ORDER BY age, name
--- rows
'Cem' | NULL
'Bob' | 25
'ann' | 25
'Ann' | 31
"D'Or" | 47

--- case: by an alias that is computed
--- gold
SELECT name, age * -1 AS old FROM singer ORDER BY old, name
--- pipe
FROM singer
|> SELECT name, age * -1 AS old
|> ORDER BY old, name
--- sql
SELECT name, age * -1 AS old FROM singer ORDER BY old, name
--- rows
'Cem' | NULL
"D'Or" | -47
'Ann' | -31
'Bob' | -25
'ann' | -25

--- case: by an alias that hides a column
--- gold
SELECT -age AS age FROM singer ORDER BY age
--- pipe
FROM singer
|> SELECT -age AS age
|> ORDER BY age
--- sql
SELECT -singer.age AS age FROM singer ORDER BY age
--- rows
NULL
-47
-31
-25
-25

--- case: nulls last
--- gold
SELECT name FROM singer ORDER BY age NULLS LAST, name
--- pipe
FROM singer
|> ORDER BY age NULLS LAST, name
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY age NULLS LAST, name
--- rows
'Bob'
'ann'
'Ann'
"D'Or"
'Cem'

--- case: limit
--- gold
SELECT name FROM singer ORDER BY age DESC LIMIT 1
--- pipe
FROM singer
|> ORDER BY age DESC
|> LIMIT 1
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY age DESC LIMIT 1
--- rows
"D'Or"

--- case: limit and offset
--- gold
SELECT name FROM singer ORDER BY singer_id LIMIT 2 OFFSET 1
--- pipe
FROM singer
|> ORDER BY singer_id
|> LIMIT 2 OFFSET 1
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY singer_id LIMIT 2 OFFSET 1
--- rows
'Bob'
'Cem'

--- case: no limit
--- gold
SELECT name FROM singer ORDER BY singer_id LIMIT -1 OFFSET 3
--- pipe
FROM singer
|> ORDER BY singer_id
|> LIMIT 9223372036854775807 OFFSET 3
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY singer_id LIMIT 9223372036854775807 OFFSET 3
--- rows
'ann'
"D'Or"
--- spark
INVALID_LIMIT_LIKE_EXPRESSION

--- case: distinct
--- gold
SELECT DISTINCT year FROM concert ORDER BY year DESC LIMIT 2
--- pipe
FROM concert
|> SELECT DISTINCT year
|> ORDER BY year DESC
|> LIMIT 2
--- sql
SELECT DISTINCT year FROM concert ORDER BY year DESC LIMIT 2
--- rows
2016
2015

--- case: distinct by what is not shown
--- gold
SELECT DISTINCT hall FROM concert WHERE year < 2016 ORDER BY year, hall
--- pipe
FROM concert
|> WHERE year < 2016
|> AGGREGATE ANY_VALUE(year) AS year GROUP BY hall
|> ORDER BY year, hall
|> SELECT hall
--- sql
SELECT hall FROM concert WHERE year < 2016 GROUP BY hall ORDER BY year, hall
--- rows
NULL
'Opera'
'Arena'

--- case: a window before the limit
--- gold
SELECT name, COUNT(*) OVER () FROM singer ORDER BY name LIMIT 2
--- pipe
FROM singer
|> EXTEND COUNT(*) OVER () AS count
|> ORDER BY name
|> LIMIT 2
|> SELECT name, count
--- sql
SELECT name, COUNT(*) OVER () AS count FROM singer ORDER BY name LIMIT 2
--- rows
'Ann' | 5
'Bob' | 5

--- case: computed limit
--- gold
SELECT * FROM hall LIMIT 1 + 1
--- pipe
FROM hall
|> LIMIT 2
--- sql
SELECT * FROM hall LIMIT 2
--- rows
'Opera' | 900
'Arena' | 5000

--- case: computed offset
--- gold
SELECT * FROM hall ORDER BY seats LIMIT (2) OFFSET 3 - 2
--- pipe
FROM hall
|> ORDER BY seats
|> LIMIT 2 OFFSET 1
--- sql
SELECT * FROM hall ORDER BY seats LIMIT 2 OFFSET 1
--- rows
'Cellar' | 40
'Opera' | 900

--- case: distinct sorted by an aggregate
--- gold
SELECT DISTINCT country FROM singer WHERE age IS NOT NULL GROUP BY age ORDER BY COUNT(*) DESC, country
--- pipe
FROM singer
|> WHERE age IS NOT NULL
|> AGGREGATE COUNT(*) AS count, ANY_VALUE(country) AS country GROUP BY age
|> AGGREGATE ANY_VALUE(count) AS count GROUP BY country
|> ORDER BY count DESC, country
|> SELECT country
--- sql
SELECT country FROM (SELECT COUNT(*) AS count, singer.country AS country FROM singer WHERE age IS NOT NULL GROUP BY age) AS t GROUP BY country ORDER BY count DESC, country
--- rows
'Chile'
'France'
'Peru'

--- case: ignoring case
--- gold
SELECT name FROM singer ORDER BY name COLLATE NOCASE DESC, singer_id
--- pipe
FROM singer
|> ORDER BY LOWER(name) DESC, singer_id
|> SELECT name
--- sql
SELECT name FROM singer ORDER BY LOWER(name) DESC, singer_id
--- rows
"D'Or"
'Cem'
'Bob'
'Ann'
'ann'
