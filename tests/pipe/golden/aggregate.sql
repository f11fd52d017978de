--- case: count
--- gold
SELECT COUNT(*) FROM singer
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count
--- sql
SELECT COUNT(*) AS count FROM singer
--- rows
5

--- case: several of all rows
--- gold
SELECT COUNT(age), SUM(age), AVG(age), MIN(name), MAX(rating) FROM singer
--- pipe
FROM singer
|> AGGREGATE COUNT(age) AS count_age, SUM(age) AS sum_age, AVG(age) AS avg_age, MIN(name) AS min_name, MAX(rating) AS max_rating
--- sql
SELECT COUNT(age) AS count_age, SUM(age) AS sum_age, AVG(age) AS avg_age, MIN(name) AS min_name, MAX(rating) AS max_rating FROM singer
--- rows
4 | 128 | 32.0 | 'Ann' | 4.5

--- case: of no rows
--- gold
SELECT COUNT(*), SUM(age) FROM singer WHERE age > 99
--- pipe
FROM singer
|> WHERE age > 99
|> AGGREGATE COUNT(*) AS count, SUM(age) AS sum_age
--- sql
SELECT COUNT(*) AS count, SUM(age) AS sum_age FROM singer WHERE age > 99
--- rows
0 | NULL

--- case: by one key
--- gold
SELECT country, COUNT(*) FROM singer GROUP BY country
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country
--- sql
SELECT country, COUNT(*) AS count FROM singer GROUP BY country
--- rows
NULL | 1
'Chile' | 1
'France' | 2
'Peru' | 1

--- case: key after the count
--- gold
SELECT COUNT(*), country FROM singer GROUP BY country
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country
|> SELECT count, country
--- sql
SELECT COUNT(*) AS count, country FROM singer GROUP BY country
--- rows
1 | NULL
1 | 'Chile'
2 | 'France'
1 | 'Peru'

--- case: key that is not shown
--- gold
SELECT COUNT(*) FROM singer GROUP BY country
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country
|> SELECT count
--- sql
SELECT COUNT(*) AS count FROM singer GROUP BY country
--- rows
1
1
2
1

--- case: by an expression
--- gold
SELECT age / 10 AS decade, COUNT(*) FROM singer GROUP BY decade
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY DIV(age, 10) AS decade
--- sql
SELECT age / 10 AS decade, COUNT(*) AS count FROM singer GROUP BY age / 10
--- rows
NULL | 1
2 | 2
3 | 1
4 | 1

--- case: by position
--- gold
SELECT country, age, COUNT(*) FROM singer GROUP BY 1, 2
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country, age
--- sql
SELECT country, age, COUNT(*) AS count FROM singer GROUP BY country, age
--- rows
NULL | 25 | 1
'Chile' | 25 | 1
'France' | NULL | 1
'France' | 31 | 1
'Peru' | 47 | 1

--- case: by a constant
--- gold
SELECT COUNT(*) FROM singer GROUP BY 'all'
--- pipe
FROM singer
|> EXTEND 'all' AS value
|> AGGREGATE COUNT(*) AS count GROUP BY value
|> SELECT count
--- sql
SELECT COUNT(*) AS count FROM (SELECT 'all' AS value FROM singer) AS t GROUP BY value
--- rows
5

--- case: keys alone
--- gold
SELECT hall FROM concert GROUP BY hall
--- pipe
FROM concert
|> AGGREGATE GROUP BY hall
--- sql
SELECT hall FROM concert GROUP BY hall
--- rows
NULL
'Arena'
'Barn'
'Opera'

--- case: count distinct
--- gold
SELECT year, COUNT(DISTINCT hall) FROM concert GROUP BY year
--- pipe
FROM concert
|> AGGREGATE COUNT(DISTINCT hall) AS count_distinct_hall GROUP BY year
--- sql
SELECT year, COUNT(DISTINCT hall) AS count_distinct_hall FROM concert GROUP BY year
--- rows
2014 | 1
2015 | 2
2016 | 1

--- case: having
--- gold
SELECT country FROM singer GROUP BY country HAVING COUNT(*) > 1
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY country
|> WHERE count > 1
|> SELECT country
--- sql
SELECT country FROM singer GROUP BY country HAVING COUNT(*) > 1
--- rows
'France'

--- case: having without group by
--- gold
SELECT COUNT(*) FROM singer HAVING COUNT(*) > 3
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count
|> WHERE count > 3
--- sql
SELECT * FROM (SELECT COUNT(*) AS count FROM singer) AS t WHERE count > 3
--- rows
5

--- case: having an alias
--- gold
SELECT year, COUNT(*) AS n FROM concert GROUP BY year HAVING n >= 2 AND MAX(price) > 20
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS n, MAX(price) AS max_price GROUP BY year
|> WHERE n >= 2 AND max_price > 20
|> SELECT year, n
--- sql
SELECT year, COUNT(*) AS n FROM concert GROUP BY year HAVING COUNT(*) >= 2 AND MAX(price) > 20
--- rows
2015 | 2

--- case: computed from aggregates
--- gold
SELECT year, SUM(price) * 1.0 / COUNT(*) FROM concert GROUP BY year
--- pipe
FROM concert
|> AGGREGATE SUM(price) * 1.0 / COUNT(*) AS value GROUP BY year
--- sql
SELECT year, SUM(price) * 1.0 / COUNT(*) AS value FROM concert GROUP BY year
--- rows
2014 | 20.0
2015 | 17.5
2016 | 5.0

--- case: a bare column
--- gold
SELECT country, name FROM singer WHERE country IS NOT NULL GROUP BY country
--- pipe
FROM singer
|> WHERE country IS NOT NULL
|> AGGREGATE ANY_VALUE(name) AS name GROUP BY country
--- sql
SELECT country, singer.name AS name FROM singer WHERE country IS NOT NULL GROUP BY country
--- rows
'Chile' | 'Bob'
'France' | 'Ann'
'Peru' | "D'Or"

--- case: the row of the maximum
--- gold
SELECT name, MAX(age) FROM singer
--- pipe
FROM singer
|> AGGREGATE MAX(age) AS max_age, ANY_VALUE(name HAVING MAX age) AS name
|> SELECT name, max_age
--- sql
SELECT singer.name AS name, MAX(age) AS max_age FROM singer
--- rows
"D'Or" | 47

--- case: filter
--- gold
SELECT COUNT(*) FILTER (WHERE age = 25), SUM(age) FILTER (WHERE country = 'France') FROM singer
--- pipe
FROM singer
|> AGGREGATE COUNT(IF(age = 25, 1, NULL)) AS count, SUM(IF(country = 'France', age, NULL)) AS sum
--- sql
SELECT COUNT(IIF(age = 25, 1, NULL)) AS count, SUM(IIF(country = 'France', age, NULL)) AS sum FROM singer
--- rows
2 | 31

--- case: string_agg
--- gold
SELECT GROUP_CONCAT(name, ', ') FROM singer WHERE age = 25
--- pipe
FROM singer
|> WHERE age = 25
|> AGGREGATE STRING_AGG(name, ', ') AS list_name
--- sql
SELECT GROUP_CONCAT(name, ', ') AS list_name FROM singer WHERE age = 25
--- rows
'Bob, ann'

--- case: case inside
--- gold
SELECT SUM(CASE WHEN age > 30 THEN 1 ELSE 0 END) FROM singer
--- pipe
FROM singer
|> AGGREGATE SUM(CASE WHEN age > 30 THEN 1 ELSE 0 END) AS sum
--- sql
SELECT SUM(CASE WHEN age > 30 THEN 1 ELSE 0 END) AS sum FROM singer
--- rows
2

--- case: sorted by count
--- gold
SELECT hall, COUNT(*) FROM concert GROUP BY hall ORDER BY COUNT(*) DESC, hall LIMIT 1
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS count GROUP BY hall
|> ORDER BY count DESC, hall
|> LIMIT 1
--- sql
SELECT hall, COUNT(*) AS count FROM concert GROUP BY hall ORDER BY count DESC, hall LIMIT 1
--- rows
NULL | 2

--- case: sorted by what is not shown
--- gold
SELECT hall FROM concert GROUP BY hall ORDER BY COUNT(*) DESC, hall
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS count GROUP BY hall
|> ORDER BY count DESC, hall
|> SELECT hall
--- sql
SELECT hall FROM concert GROUP BY hall ORDER BY COUNT(*) DESC, hall
--- rows
NULL
'Opera'
'Arena'
'Barn'

--- case: correlated behind it
--- gold
SELECT year, (SELECT COUNT(*) FROM concert AS c WHERE c.year < concert.year) FROM concert GROUP BY year
--- pipe
FROM concert
|> AGGREGATE GROUP BY year
|> AS concert
|> SELECT year, (FROM concert AS concert_2 |> WHERE year < concert.year |> AGGREGATE COUNT(*) AS count)
--- sql
SELECT year, (SELECT COUNT(*) AS count FROM concert AS concert_2 WHERE year < concert.year) FROM concert GROUP BY year
--- rows
2014 | 0
2015 | 3
2016 | 5
--- spark
SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION

--- case: total
--- gold
SELECT TOTAL(age), TOTAL(rating) FROM singer WHERE age > 99
--- pipe
FROM singer
|> WHERE age > 99
|> AGGREGATE COALESCE(SUM(CAST(age AS FLOAT64)), 0.0) AS sum, COALESCE(SUM(CAST(rating AS FLOAT64)), 0.0) AS sum_2
--- sql
SELECT COALESCE(SUM(CAST(age AS REAL)), 0.0) AS sum, COALESCE(SUM(CAST(rating AS REAL)), 0.0) AS sum_2 FROM singer WHERE age > 99
--- rows
0.0 | 0.0

--- case: by key ignoring case
--- gold
SELECT COUNT(*) FROM singer GROUP BY name COLLATE NOCASE
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count GROUP BY LOWER(name) AS name
|> SELECT count
--- sql
SELECT COUNT(*) AS count FROM singer GROUP BY LOWER(name)
--- rows
2
1
1
1
