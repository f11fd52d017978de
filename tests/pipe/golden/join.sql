--- case: inner
--- gold
SELECT T1.name, T2.year FROM singer AS T1 JOIN concert AS T2 ON T1.singer_id = T2.singer_id
--- pipe
FROM singer
|> JOIN concert ON singer.singer_id = concert.singer_id
|> SELECT name, year
--- sql
SELECT singer.name, concert.year FROM singer JOIN concert ON singer.singer_id = concert.singer_id
--- rows
'Ann' | 2014
'Ann' | 2015
'Bob' | 2014
'Bob' | 2014

--- case: comma
--- gold
SELECT name, year FROM singer, concert WHERE singer.singer_id = concert.singer_id AND year = 2014
--- pipe
FROM singer
|> CROSS JOIN concert
|> WHERE singer.singer_id = concert.singer_id AND year = 2014
|> SELECT name, year
--- sql
SELECT singer.name, concert.year FROM singer CROSS JOIN concert WHERE singer.singer_id = concert.singer_id AND concert.year = 2014
--- rows
'Ann' | 2014
'Bob' | 2014
'Bob' | 2014

--- case: left and is null
--- gold
SELECT name FROM singer LEFT JOIN concert ON singer.singer_id = concert.singer_id WHERE concert_id IS NULL
--- pipe
FROM singer
|> LEFT JOIN concert ON singer.singer_id = concert.singer_id
|> WHERE concert_id IS NULL
|> SELECT name
--- sql
SELECT singer.name FROM singer LEFT JOIN concert ON singer.singer_id = concert.singer_id WHERE concert.concert_id IS NULL
--- rows
'Cem'
'ann'
"D'Or"

--- case: right
--- gold
SELECT name, concert_id FROM singer RIGHT JOIN concert ON singer.singer_id = concert.singer_id
--- pipe
FROM singer
|> RIGHT JOIN concert ON singer.singer_id = concert.singer_id
|> SELECT name, concert_id
--- sql
SELECT singer.name, concert.concert_id FROM singer RIGHT JOIN concert ON singer.singer_id = concert.singer_id
--- rows
'Ann' | 10
'Ann' | 11
'Bob' | 12
'Bob' | 12
NULL | 13
NULL | 14

--- case: full
--- gold
SELECT name, year FROM singer FULL OUTER JOIN concert ON singer.singer_id = concert.singer_id AND year = 2015
--- pipe
FROM singer
|> FULL JOIN concert ON singer.singer_id = concert.singer_id AND year = 2015
|> SELECT name, year
--- sql
SELECT singer.name, concert.year FROM singer FULL JOIN concert ON singer.singer_id = concert.singer_id AND concert.year = 2015
--- rows
'Ann' | 2015
'Bob' | NULL
'Cem' | NULL
'ann' | NULL
"D'Or" | NULL
NULL | 2014
NULL | 2014
NULL | 2014
NULL | 2015
NULL | 2016

--- case: cross
--- gold
SELECT COUNT(*) FROM hall CROSS JOIN singer
--- pipe
FROM hall
|> CROSS JOIN singer
|> AGGREGATE COUNT(*) AS count
--- sql
SELECT COUNT(*) AS count FROM hall CROSS JOIN singer
--- rows
20

--- case: using
--- gold
SELECT * FROM concert JOIN hall USING (hall)
--- pipe
FROM concert
|> JOIN hall ON concert.hall = hall.hall
|> SELECT concert_id, singer_id, year, concert.hall, price, seats
--- sql
SELECT concert.concert_id, concert.singer_id, concert.year, concert.hall, concert.price, hall.seats FROM concert JOIN hall ON concert.hall = hall.hall
--- rows
10 | 1 | 2014 | 'Opera' | 20 | 900
11 | 1 | 2015 | 'Arena' | 35 | 5000
13 | 9 | 2015 | 'Opera' | NULL | 900

--- case: natural left
--- gold
SELECT hall, seats FROM concert NATURAL LEFT JOIN hall
--- pipe
FROM concert
|> LEFT JOIN hall ON concert.hall = hall.hall
|> SELECT concert.hall, seats
--- sql
SELECT concert.hall, hall.seats FROM concert LEFT JOIN hall ON concert.hall = hall.hall
--- rows
'Opera' | 900
'Arena' | 5000
NULL | NULL
NULL | NULL
'Opera' | 900
'Barn' | NULL

--- case: with itself
--- gold
SELECT a.name, b.name FROM singer AS a JOIN singer AS b ON a.age = b.age AND a.singer_id < b.singer_id
--- pipe
FROM singer
|> JOIN singer AS singer_2 ON singer.age = singer_2.age AND singer.singer_id < singer_2.singer_id
|> SELECT singer.name, singer_2.name
--- sql
SELECT singer.name, singer_2.name FROM singer JOIN singer AS singer_2 ON singer.age = singer_2.age AND singer.singer_id < singer_2.singer_id
--- rows
'Bob' | 'ann'

--- case: three tables
--- gold
SELECT s.name, h.seats FROM singer s JOIN concert c ON s.singer_id = c.singer_id JOIN hall h ON h.hall = c.hall ORDER BY h.seats
--- pipe
FROM singer
|> JOIN concert ON singer.singer_id = concert.singer_id
|> JOIN hall ON hall.hall = concert.hall
|> ORDER BY seats
|> SELECT name, seats
--- sql
SELECT singer.name, hall.seats FROM singer JOIN concert ON singer.singer_id = concert.singer_id JOIN hall ON hall.hall = concert.hall ORDER BY hall.seats
--- rows
'Ann' | 900
'Ann' | 5000

--- case: on names a later table
--- gold
SELECT s.name FROM singer s JOIN concert c ON c.hall = h.hall JOIN hall h ON s.singer_id = c.singer_id
--- pipe
FROM singer
|> CROSS JOIN concert
|> JOIN hall ON concert.hall = hall.hall AND singer.singer_id = concert.singer_id
|> SELECT name
--- sql
SELECT singer.name FROM singer CROSS JOIN concert JOIN hall ON concert.hall = hall.hall AND singer.singer_id = concert.singer_id
--- rows
'Ann'
'Ann'

--- case: a derived table
--- gold
SELECT s.name, n.n FROM singer s JOIN (SELECT singer_id, COUNT(*) AS n FROM concert GROUP BY singer_id) n ON n.singer_id = s.singer_id
--- pipe
FROM singer
|> JOIN (FROM concert |> AGGREGATE COUNT(*) AS n GROUP BY singer_id) AS t ON t.singer_id = singer.singer_id
|> SELECT name, n
--- sql
SELECT singer.name, t.n FROM singer JOIN (SELECT singer_id, COUNT(*) AS n FROM concert GROUP BY singer_id) AS t ON t.singer_id = singer.singer_id
--- rows
'Ann' | 2
'Bob' | 2

--- case: right using
--- gold
SELECT * FROM hall RIGHT JOIN concert USING (hall)
--- pipe
FROM hall
|> RIGHT JOIN concert ON hall.hall = concert.hall
|> SELECT concert.hall, seats, concert_id, singer_id, year, price
--- sql
SELECT concert.hall, hall.seats, concert.concert_id, concert.singer_id, concert.year, concert.price FROM hall RIGHT JOIN concert ON hall.hall = concert.hall
--- rows
'Opera' | 900 | 10 | 1 | 2014 | 20
'Opera' | 900 | 13 | 9 | 2015 | NULL
'Arena' | 5000 | 11 | 1 | 2015 | 35
NULL | NULL | 12 | 2 | 2014 | 20
NULL | NULL | 12 | 2 | 2014 | 20
'Barn' | NULL | 14 | NULL | 2016 | 5

--- case: full using
--- gold
SELECT hall, seats, concert_id FROM hall FULL JOIN concert USING (hall) ORDER BY hall, concert_id
--- pipe
FROM hall
|> FULL JOIN concert ON hall.hall = concert.hall
|> SELECT COALESCE(hall.hall, concert.hall) AS hall, seats, concert_id
|> ORDER BY hall, concert_id
--- sql
SELECT COALESCE(hall.hall, concert.hall) AS hall, hall.seats, concert.concert_id FROM hall FULL JOIN concert ON hall.hall = concert.hall ORDER BY hall, concert.concert_id
--- rows
NULL | 7 | NULL
NULL | NULL | 12
NULL | NULL | 12
'Arena' | 5000 | 11
'Barn' | NULL | 14
'Cellar' | 40 | NULL
'Opera' | 900 | 10
'Opera' | 900 | 13

--- case: full using, all columns
--- gold
SELECT * FROM hall FULL JOIN concert USING (hall)
--- pipe
FROM hall
|> FULL JOIN concert ON hall.hall = concert.hall
|> SELECT COALESCE(hall.hall, concert.hall) AS hall, seats, concert_id, singer_id, year, price
--- sql
SELECT COALESCE(hall.hall, concert.hall) AS hall, hall.seats, concert.concert_id, concert.singer_id, concert.year, concert.price FROM hall FULL JOIN concert ON hall.hall = concert.hall
--- rows
'Opera' | 900 | 10 | 1 | 2014 | 20
'Opera' | 900 | 13 | 9 | 2015 | NULL
'Arena' | 5000 | 11 | 1 | 2015 | 35
'Cellar' | 40 | NULL | NULL | NULL | NULL
NULL | 7 | NULL | NULL | NULL | NULL
NULL | NULL | 12 | 2 | 2014 | 20
NULL | NULL | 12 | 2 | 2014 | 20
'Barn' | NULL | 14 | NULL | 2016 | 5

--- case: natural right
--- gold
SELECT hall, COUNT(*) FROM hall NATURAL RIGHT JOIN concert WHERE hall IS NOT NULL GROUP BY hall
--- pipe
FROM hall
|> RIGHT JOIN concert ON hall.hall = concert.hall
|> WHERE concert.hall IS NOT NULL
|> AGGREGATE COUNT(*) AS count GROUP BY concert.hall
--- sql
SELECT concert.hall, COUNT(*) AS count FROM hall RIGHT JOIN concert ON hall.hall = concert.hall WHERE concert.hall IS NOT NULL GROUP BY concert.hall
--- rows
'Arena' | 1
'Barn' | 1
'Opera' | 2

--- case: brackets around the first join
--- gold
SELECT name, seats FROM (concert JOIN hall ON hall.hall = concert.hall) JOIN singer ON singer.singer_id = concert.singer_id
--- pipe
FROM concert
|> JOIN hall ON hall.hall = concert.hall
|> JOIN singer ON singer.singer_id = concert.singer_id
|> SELECT name, seats
--- sql
SELECT singer.name, hall.seats FROM concert JOIN hall ON hall.hall = concert.hall JOIN singer ON singer.singer_id = concert.singer_id
--- rows
'Ann' | 900
'Ann' | 5000

--- case: brackets around inner joins
--- gold
SELECT name, seats FROM singer JOIN (concert JOIN hall ON hall.hall = concert.hall) ON singer.singer_id = concert.singer_id
--- pipe
FROM singer
|> CROSS JOIN concert
|> JOIN hall ON hall.hall = concert.hall AND singer.singer_id = concert.singer_id
|> SELECT name, seats
--- sql
SELECT singer.name, hall.seats FROM singer CROSS JOIN concert JOIN hall ON hall.hall = concert.hall AND singer.singer_id = concert.singer_id
--- rows
'Ann' | 900
'Ann' | 5000

--- case: brackets beside an outer join
--- gold
SELECT name, hall.hall FROM singer LEFT JOIN (concert JOIN hall ON hall.hall = concert.hall) ON singer.singer_id = concert.singer_id
--- pipe
FROM singer
|> LEFT JOIN (FROM concert |> JOIN hall ON hall.hall = concert.hall |> SELECT concert_id, singer_id, year, concert.hall, price, hall.hall AS hall_2, seats) AS t ON singer.singer_id = t.singer_id
|> SELECT name, hall_2
--- sql
SELECT singer.name, t.hall_2 FROM singer LEFT JOIN (SELECT concert.concert_id, concert.singer_id, concert.year, concert.hall, concert.price, hall.hall AS hall_2, hall.seats FROM concert JOIN hall ON hall.hall = concert.hall) AS t ON singer.singer_id = t.singer_id
--- rows
'Ann' | 'Arena'
'Ann' | 'Opera'
'Bob' | NULL
'Cem' | NULL
'ann' | NULL
"D'Or" | NULL

--- case: brackets around one table
--- gold
SELECT * FROM (singer) AS q WHERE q.age > 25
--- pipe
FROM singer
|> WHERE age > 25
--- sql
SELECT * FROM singer WHERE age > 25
--- rows
1 | 'Ann' | 31 | 'France' | 4.5
5 | "D'Or" | 47 | 'Peru' | 1.25

--- case: on that names a later table beside an outer join
--- gold
SELECT s.name FROM singer AS s JOIN concert AS c ON h.seats > 100 AND s.singer_id = c.singer_id LEFT JOIN hall AS h ON h.hall = c.hall
--- pipe
FROM singer
|> CROSS JOIN concert
|> LEFT JOIN hall ON hall.hall = concert.hall
|> WHERE seats > 100 AND singer.singer_id = concert.singer_id
|> SELECT name
--- sql
SELECT singer.name FROM singer CROSS JOIN concert LEFT JOIN hall ON hall.hall = concert.hall WHERE hall.seats > 100 AND singer.singer_id = concert.singer_id
--- rows
'Ann'
'Ann'
