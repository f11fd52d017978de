--- case: row number
--- gold
SELECT name, ROW_NUMBER() OVER (ORDER BY singer_id DESC) AS n FROM singer
--- pipe
FROM singer
|> SELECT name, ROW_NUMBER() OVER (ORDER BY singer_id DESC) AS n
--- sql
SELECT name, ROW_NUMBER() OVER (ORDER BY singer_id DESC) AS n FROM singer
--- rows
"D'Or" | 1
'ann' | 2
'Cem' | 3
'Bob' | 4
'Ann' | 5

--- case: partition
--- gold
SELECT name, COUNT(*) OVER (PARTITION BY country) FROM singer
--- pipe
FROM singer
|> SELECT name, COUNT(*) OVER (PARTITION BY country)
--- sql
SELECT name, COUNT(*) OVER (PARTITION BY country) FROM singer
--- rows
'ann' | 1
'Bob' | 1
'Ann' | 2
'Cem' | 2
"D'Or" | 1

--- case: running sum
--- gold
SELECT singer_id, SUM(age) OVER (ORDER BY singer_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM singer
--- pipe
FROM singer
|> SELECT singer_id, SUM(age) OVER (ORDER BY singer_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
--- sql
SELECT singer_id, SUM(age) OVER (ORDER BY singer_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM singer
--- rows
1 | 31
2 | 56
3 | 25
4 | 25
5 | 72

--- case: over aggregates
--- gold
SELECT year, RANK() OVER (ORDER BY COUNT(*) DESC) AS r FROM concert GROUP BY year ORDER BY r, year
--- pipe
FROM concert
|> AGGREGATE COUNT(*) AS count GROUP BY year
|> EXTEND RANK() OVER (ORDER BY count DESC) AS r
|> ORDER BY r, year
|> SELECT year, r
--- sql
SELECT year, RANK() OVER (ORDER BY COUNT(*) DESC) AS r FROM concert GROUP BY year ORDER BY r, year
--- rows
2014 | 1
2015 | 2
2016 | 3

--- case: filtered in an outer query
--- gold
SELECT name FROM (SELECT name, RANK() OVER (PARTITION BY age ORDER BY singer_id) AS r FROM singer) WHERE r = 2
--- pipe
FROM singer
|> SELECT name, RANK() OVER (PARTITION BY age ORDER BY singer_id) AS r
|> WHERE r = 2
|> SELECT name
--- sql
SELECT name FROM (SELECT name, RANK() OVER (PARTITION BY age ORDER BY singer_id) AS r FROM singer) AS t WHERE r = 2
--- rows
'ann'

--- case: window by name
--- gold
SELECT name, SUM(age) OVER w FROM singer WINDOW w AS (ORDER BY age)
--- pipe
FROM singer
|> SELECT name, SUM(age) OVER (ORDER BY age)
--- sql
SELECT name, SUM(age) OVER (ORDER BY age) FROM singer
--- rows
'Cem' | NULL
'Bob' | 50
'ann' | 50
'Ann' | 81
"D'Or" | 128

--- case: window based on another
--- gold
SELECT name, COUNT(*) OVER w, RANK() OVER (w ORDER BY name) FROM singer WINDOW w AS (PARTITION BY country)
--- pipe
FROM singer
|> SELECT name, COUNT(*) OVER (PARTITION BY country), RANK() OVER (PARTITION BY country ORDER BY name)
--- sql
SELECT name, COUNT(*) OVER (PARTITION BY country), RANK() OVER (PARTITION BY country ORDER BY name) FROM singer
--- rows
'ann' | 1 | 1
'Bob' | 1 | 1
'Ann' | 2 | 1
'Cem' | 2 | 2
"D'Or" | 1 | 1
