--- case: all columns
--- gold
SELECT * FROM hall
--- pipe
FROM hall
--- sql
SELECT * FROM hall
--- rows
'Opera' | 900
'Arena' | 5000
'Cellar' | 40
NULL | 7

--- case: columns in another order
--- gold
SELECT seats, hall FROM hall
--- pipe
FROM hall
|> SELECT seats, hall.hall
--- sql
SELECT seats, hall FROM hall
--- rows
900 | 'Opera'
5000 | 'Arena'
40 | 'Cellar'
7 | NULL

--- case: one column twice
--- gold
SELECT name, name FROM singer WHERE singer_id < 3
--- pipe
FROM singer
|> WHERE singer_id < 3
|> SELECT name, name
--- sql
SELECT singer.name, singer.name FROM singer WHERE singer_id < 3
--- rows
'Ann' | 'Ann'
'Bob' | 'Bob'

--- case: expressions with and without names
--- gold
SELECT age + 1, age * 2 AS twice FROM singer
--- pipe
FROM singer
|> SELECT age + 1, age * 2 AS twice
--- sql
SELECT age + 1, age * 2 AS twice FROM singer
--- rows
32 | 62
26 | 50
NULL | NULL
26 | 50
48 | 94

--- case: star and more
--- gold
SELECT *, seats / 2 AS half FROM hall
--- pipe
FROM hall
|> SELECT *, DIV(seats, 2) AS half
--- sql
SELECT hall, seats, seats / 2 AS half FROM hall
--- rows
'Opera' | 900 | 450
'Arena' | 5000 | 2500
'Cellar' | 40 | 20
NULL | 7 | 3

--- case: star of one table
--- gold
SELECT h.*, c.year FROM concert AS c JOIN hall AS h ON c.hall = h.hall
--- pipe
FROM concert
|> JOIN hall ON concert.hall = hall.hall
|> SELECT hall.*, year
--- sql
SELECT hall.hall, hall.seats, concert.year FROM concert JOIN hall ON concert.hall = hall.hall
--- rows
'Opera' | 900 | 2014
'Arena' | 5000 | 2015
'Opera' | 900 | 2015

--- case: no table
--- gold
SELECT 1 + 1, 'it''s' AS s, NULL
--- pipe
SELECT 1 + 1, 'it\'s' AS s, NULL
--- sql
SELECT 1 + 1, 'it''s' AS s, NULL
--- rows
2 | "it's" | NULL

--- case: distinct
--- gold
SELECT DISTINCT hall, year FROM concert
--- pipe
FROM concert
|> SELECT DISTINCT hall, year
--- sql
SELECT DISTINCT hall, year FROM concert
--- rows
'Opera' | 2014
'Arena' | 2015
NULL | 2014
'Opera' | 2015
'Barn' | 2016

--- case: distinct star
--- gold
SELECT DISTINCT * FROM concert
--- pipe
FROM concert
|> DISTINCT
--- sql
SELECT DISTINCT * FROM concert
--- rows
10 | 1 | 2014 | 'Opera' | 20
11 | 1 | 2015 | 'Arena' | 35
12 | 2 | 2014 | NULL | 20
13 | 9 | 2015 | 'Opera' | NULL
14 | NULL | 2016 | 'Barn' | 5

--- case: alias that is another column
--- gold
SELECT age AS singer_id, singer_id AS age FROM singer ORDER BY age
--- pipe
FROM singer
|> ORDER BY singer_id
|> SELECT age AS singer_id, singer_id AS age
--- sql
SELECT singer.age AS singer_id, singer.singer_id AS age FROM singer ORDER BY singer.singer_id
--- rows
31 | 1
25 | 2
NULL | 3
25 | 4
47 | 5
