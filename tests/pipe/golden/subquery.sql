--- case: in
--- gold
SELECT name FROM singer WHERE singer_id IN (SELECT singer_id FROM concert WHERE year = 2014)
--- pipe
FROM singer
|> WHERE singer_id IN (FROM concert |> WHERE year = 2014 |> SELECT singer_id)
|> SELECT name
--- sql
SELECT name FROM singer WHERE singer_id IN (SELECT singer_id FROM concert WHERE year = 2014)
--- rows
'Ann'
'Bob'

--- case: not in, with a NULL
--- gold
SELECT name FROM singer WHERE singer_id NOT IN (SELECT singer_id FROM concert)
--- pipe
FROM singer
|> WHERE singer_id NOT IN (FROM concert |> SELECT singer_id)
|> SELECT name
--- sql
SELECT name FROM singer WHERE singer_id NOT IN (SELECT singer_id FROM concert)
--- rows
(none)

--- case: exists, correlated
--- gold
SELECT name FROM singer AS s WHERE EXISTS (SELECT * FROM concert AS c WHERE c.singer_id = s.singer_id)
--- pipe
FROM singer
|> WHERE EXISTS(FROM concert |> WHERE singer_id = singer.singer_id)
|> SELECT name
--- sql
SELECT name FROM singer WHERE EXISTS(SELECT * FROM concert WHERE singer_id = singer.singer_id)
--- rows
'Ann'
'Bob'

--- case: scalar
--- gold
SELECT name FROM singer WHERE age > (SELECT AVG(age) FROM singer)
--- pipe
FROM singer
|> WHERE age > (FROM singer |> AGGREGATE AVG(age) AS avg_age)
|> SELECT name
--- sql
SELECT name FROM singer WHERE age > (SELECT AVG(age) AS avg_age FROM singer)
--- rows
"D'Or"

--- case: same table inside and outside
--- gold
SELECT name FROM singer AS o WHERE age = (SELECT MAX(age) FROM singer WHERE country = o.country)
--- pipe
FROM singer
|> WHERE age = (FROM singer AS singer_2 |> WHERE country = singer.country |> AGGREGATE MAX(age) AS max_age)
|> SELECT name
--- sql
SELECT name FROM singer WHERE age = (SELECT MAX(age) AS max_age FROM singer AS singer_2 WHERE country = singer.country)
--- rows
'Ann'
'Bob'
"D'Or"

--- case: in the select list
--- gold
SELECT name, (SELECT COUNT(*) FROM concert WHERE concert.singer_id = singer.singer_id) AS concerts FROM singer
--- pipe
FROM singer
|> SELECT name, (FROM concert |> WHERE singer_id = singer.singer_id |> AGGREGATE COUNT(*) AS count) AS concerts
--- sql
SELECT name, (SELECT COUNT(*) AS count FROM concert WHERE singer_id = singer.singer_id) AS concerts FROM singer
--- rows
'Ann' | 2
'Bob' | 2
'Cem' | 0
'ann' | 0
"D'Or" | 0

--- case: in having
--- gold
SELECT hall, COUNT(*) FROM concert GROUP BY hall HAVING COUNT(*) >= (SELECT COUNT(*) FROM concert WHERE year = 2015)
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS count GROUP BY hall
|> WHERE count >= (FROM concert |> WHERE year = 2015 |> AGGREGATE COUNT(*) AS count)
--- sql
SELECT hall, COUNT(*) AS count FROM concert GROUP BY hall HAVING COUNT(*) >= (SELECT COUNT(*) AS count FROM concert WHERE year = 2015)
--- rows
NULL | 2
'Opera' | 2

--- case: derived, aggregated again
--- gold
SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM concert GROUP BY year)
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS n GROUP BY year
|> SELECT n
|> AGGREGATE MAX(n) AS max_n
--- sql
SELECT MAX(n) AS max_n FROM (SELECT COUNT(*) AS n FROM concert GROUP BY year) AS t
--- rows
3

--- case: derived, repeated names
--- gold
SELECT COUNT(*) FROM (SELECT name, name, age + 1 FROM singer)
--- pipe
FROM singer
|> SELECT name, name AS name_2, age + 1 AS value
|> AGGREGATE COUNT(*) AS count
--- sql
SELECT COUNT(*) AS count FROM singer
--- rows
5

--- case: cte
--- gold
WITH old AS (SELECT * FROM singer WHERE age > 26) SELECT name FROM old
--- pipe
WITH old AS (FROM singer |> WHERE age > 26) FROM old
|> SELECT name
--- sql
WITH old AS (SELECT * FROM singer WHERE age > 26) SELECT name FROM old
--- rows
'Ann'
"D'Or"

--- case: cte used twice
--- gold
WITH n AS (SELECT year, COUNT(*) AS n FROM concert GROUP BY year) SELECT year FROM n WHERE n = (SELECT MAX(n) FROM n)
--- pipe
WITH n AS (FROM concert |> AGGREGATE COUNT(*) AS n GROUP BY year) FROM n
|> WHERE n.n = (FROM n |> AGGREGATE MAX(n.n) AS max_n)
|> SELECT year
--- sql
WITH n AS (SELECT year, COUNT(*) AS n FROM concert GROUP BY year) SELECT year FROM n WHERE n = (SELECT MAX(n) AS max_n FROM n)
--- rows
2014

--- case: cte with column names
--- gold
WITH p(y, c) AS (SELECT year, COUNT(*) FROM concert GROUP BY year) SELECT c, y FROM p ORDER BY y
--- pipe
WITH p AS (FROM concert |> AGGREGATE COUNT(*) AS c GROUP BY year AS y) FROM p
|> ORDER BY y
|> SELECT c, y
--- sql
WITH p AS (SELECT year AS y, COUNT(*) AS c FROM concert GROUP BY year) SELECT c, y FROM p ORDER BY y
--- rows
3 | 2014
2 | 2015
1 | 2016

--- case: cte that shadows a table
--- gold
WITH hall AS (SELECT hall, COUNT(*) AS n FROM concert GROUP BY hall) SELECT * FROM hall WHERE n > 1
--- pipe
WITH hall AS (FROM concert |> AGGREGATE COUNT(*) AS n GROUP BY hall) FROM hall
|> WHERE n > 1
--- sql
WITH hall AS (SELECT hall, COUNT(*) AS n FROM concert GROUP BY hall) SELECT * FROM hall WHERE n > 1
--- rows
NULL | 2
'Opera' | 2

--- case: derived with column names, by cte
--- gold
WITH r(a, b) AS (SELECT * FROM hall) SELECT a FROM r WHERE b > 30
--- pipe
WITH r AS (FROM hall |> SELECT hall.hall AS a, seats AS b) FROM r
|> WHERE b > 30
|> SELECT a
--- sql
WITH r AS (SELECT hall AS a, seats AS b FROM hall) SELECT a FROM r WHERE b > 30
--- rows
'Opera'
'Arena'
'Cellar'
