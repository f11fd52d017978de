--- case: counting
--- gold
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r
--- pipe
WITH RECURSIVE r AS (SELECT 1 AS n |> UNION ALL (FROM r |> WHERE n < 3 |> SELECT n + 1)) FROM r
--- sql
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r
--- rows
1
2
3

--- case: of distinct rows, from a table
--- gold
WITH RECURSIVE r(n, m) AS (SELECT singer_id, age FROM singer WHERE singer_id = 1 UNION SELECT n + 1, m / 2 FROM r WHERE n < 4) SELECT n, m FROM r ORDER BY n
--- pipe
WITH RECURSIVE r AS (FROM singer |> WHERE singer_id = 1 |> SELECT singer_id AS n, age AS m |> UNION DISTINCT (FROM r |> WHERE n < 4 |> SELECT n + 1, DIV(m, 2))) FROM r
|> ORDER BY n
|> SELECT n, m
--- sql
WITH RECURSIVE r AS (SELECT singer_id AS n, age AS m FROM singer WHERE singer_id = 1 UNION SELECT n + 1, m / 2 FROM r WHERE n < 4) SELECT * FROM r ORDER BY n
--- rows
1 | 31
2 | 15
3 | 7
4 | 3
--- spark
UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE

--- case: without the word, which SQLite does not need
--- gold
WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT MAX(n) FROM r
--- pipe
WITH RECURSIVE r AS (SELECT 1 AS n |> UNION ALL (FROM r |> WHERE n < 3 |> SELECT n + 1)) FROM r
|> AGGREGATE MAX(n) AS max_n
--- sql
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT MAX(n) AS max_n FROM r
--- rows
3

--- case: that joins
--- gold
WITH RECURSIVE r(id) AS (SELECT singer_id FROM singer WHERE name = 'Ann' UNION SELECT concert.singer_id + 1 FROM r JOIN concert ON concert.singer_id = r.id) SELECT name FROM r JOIN singer ON singer.singer_id = r.id ORDER BY name
--- pipe
WITH RECURSIVE r AS (FROM singer |> WHERE name = 'Ann' |> SELECT singer_id AS id |> UNION DISTINCT (FROM r |> JOIN concert ON singer_id = id |> SELECT singer_id + 1)) FROM r
|> JOIN singer ON singer_id = id
|> ORDER BY name
|> SELECT name
--- sql
WITH RECURSIVE r AS (SELECT singer_id AS id FROM singer WHERE name = 'Ann' UNION SELECT concert.singer_id + 1 FROM r JOIN concert ON concert.singer_id = r.id) SELECT singer.name FROM r JOIN singer ON singer.singer_id = r.id ORDER BY singer.name
--- rows
'Ann'
'Bob'
'Cem'
--- spark
UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE

--- case: beside a plain one
--- gold
WITH RECURSIVE top AS (SELECT MAX(age) AS a FROM singer), r(n) AS (SELECT a FROM top UNION ALL SELECT n - 20 FROM r WHERE n > 0) SELECT n FROM r
--- pipe
WITH RECURSIVE top AS (FROM singer |> AGGREGATE MAX(age) AS a), r AS (FROM top |> SELECT a AS n |> UNION ALL (FROM r |> WHERE n > 0 |> SELECT n - 20)) FROM r
|> SELECT n
--- sql
WITH RECURSIVE top AS (SELECT MAX(age) AS a FROM singer), r AS (SELECT a AS n FROM top UNION ALL SELECT n - 20 FROM r WHERE n > 0) SELECT * FROM r
--- rows
47
27
7
-13
