--- case: union
--- gold
SELECT hall FROM concert UNION SELECT hall FROM hall
--- pipe
FROM concert
|> SELECT hall
|> UNION DISTINCT (FROM hall |> SELECT hall.hall)
--- sql
SELECT hall FROM concert UNION SELECT hall FROM hall
--- rows
NULL
'Arena'
'Barn'
'Cellar'
'Opera'

--- case: union all
--- gold
SELECT hall FROM concert UNION ALL SELECT hall FROM hall
--- pipe
FROM concert
|> SELECT hall
|> UNION ALL (FROM hall |> SELECT hall.hall)
--- sql
SELECT hall FROM concert UNION ALL SELECT hall FROM hall
--- rows
'Opera'
'Arena'
NULL
NULL
'Opera'
'Barn'
'Opera'
'Arena'
'Cellar'
NULL

--- case: intersect
--- gold
SELECT hall FROM concert INTERSECT SELECT hall FROM hall
--- pipe
FROM concert
|> SELECT hall
|> INTERSECT DISTINCT (FROM hall |> SELECT hall.hall)
--- sql
SELECT hall FROM concert INTERSECT SELECT hall FROM hall
--- rows
NULL
'Arena'
'Opera'

--- case: except
--- gold
SELECT hall FROM hall EXCEPT SELECT hall FROM concert
--- pipe
FROM hall
|> SELECT hall.hall
|> EXCEPT DISTINCT (FROM concert |> SELECT hall)
--- sql
SELECT hall FROM hall EXCEPT SELECT hall FROM concert
--- rows
'Cellar'

--- case: sorted and cut
--- gold
SELECT name AS n, age FROM singer UNION SELECT hall, seats FROM hall ORDER BY age DESC, n LIMIT 3
--- pipe
FROM singer
|> SELECT name AS n, age
|> UNION DISTINCT (FROM hall |> SELECT hall.hall, seats)
|> ORDER BY age DESC, n
|> LIMIT 3
--- sql
SELECT name AS n, age FROM singer UNION SELECT * FROM hall ORDER BY 2 DESC, 1 LIMIT 3
--- rows
'Arena' | 5000
'Opera' | 900
"D'Or" | 47

--- case: two kinds, from left to right
--- gold
SELECT year FROM concert EXCEPT SELECT 2014 UNION ALL SELECT seats FROM hall WHERE seats < 50
--- pipe
FROM concert
|> SELECT year
|> EXCEPT DISTINCT (SELECT 2014)
|> UNION ALL (FROM hall |> WHERE seats < 50 |> SELECT seats)
--- sql
SELECT * FROM (SELECT year FROM concert EXCEPT SELECT 2014) AS t UNION ALL SELECT seats FROM hall WHERE seats < 50
--- rows
2015
2016
40
7

--- case: arms with limits
--- gold
SELECT * FROM (SELECT year FROM concert ORDER BY year LIMIT 1) UNION ALL SELECT * FROM (SELECT seats FROM hall ORDER BY seats DESC LIMIT 1)
--- pipe
FROM concert
|> ORDER BY year
|> LIMIT 1
|> SELECT year
|> UNION ALL (FROM hall |> ORDER BY seats DESC |> LIMIT 1 |> SELECT seats)
--- sql
SELECT * FROM (SELECT year FROM concert ORDER BY year LIMIT 1) AS t UNION ALL SELECT * FROM (SELECT seats FROM hall ORDER BY seats DESC LIMIT 1) AS u
--- rows
2014
5000

--- case: as a derived table
--- gold
SELECT COUNT(*) FROM (SELECT year FROM concert UNION SELECT age FROM singer)
--- pipe
FROM concert
|> SELECT year
|> UNION DISTINCT (FROM singer |> SELECT age)
|> AGGREGATE COUNT(*) AS count
--- sql
SELECT COUNT(*) AS count FROM (SELECT year FROM concert UNION SELECT age FROM singer) AS t
--- rows
7

--- case: sorted by an aggregate of the arms
--- gold
SELECT COUNT(*) FROM singer UNION SELECT COUNT(*) FROM hall ORDER BY COUNT(*) DESC
--- pipe
FROM singer
|> AGGREGATE COUNT(*) AS count
|> UNION DISTINCT (FROM hall |> AGGREGATE COUNT(*) AS count)
|> ORDER BY count DESC
--- sql
SELECT COUNT(*) AS count FROM singer UNION SELECT COUNT(*) AS count FROM hall ORDER BY 1 DESC
--- rows
5
4

--- case: sorted by an expression of an arm
--- gold
SELECT age + 1 FROM singer UNION SELECT seats FROM hall ORDER BY age + 1
--- pipe
FROM singer
|> SELECT age + 1 AS value
|> UNION DISTINCT (FROM hall |> SELECT seats)
|> ORDER BY value
--- sql
SELECT age + 1 AS value FROM singer UNION SELECT seats FROM hall ORDER BY 1
--- rows
NULL
7
26
32
40
48
900
5000

--- case: a column that is NULL in one arm has the other's type
--- gold
SELECT u.x FROM (SELECT NULL AS x UNION SELECT year FROM concert) AS u WHERE u.x LIKE '201%' ORDER BY u.x
--- pipe
SELECT NULL AS x
|> UNION DISTINCT (FROM concert |> SELECT year)
|> WHERE CAST(x AS STRING) LIKE '201%'
|> ORDER BY x
|> SELECT x
--- sql
SELECT * FROM (SELECT NULL AS x UNION SELECT year FROM concert) AS t WHERE CAST(x AS TEXT) LIKE '201%' ORDER BY x
--- rows
2014
2015
2016
