"""Small queries in the dialects that are decompiled, one habit each, on tables with NULLs, duplicates and ties."""

from __future__ import annotations

from pipesql.pipe.schema import Column, Schema, Table

TABLES = {
    "people": (
        ("id", "INTEGER"),
        ("name", "TEXT"),
        ("age", "INTEGER"),
        ("city", "TEXT"),
        ("score", "DOUBLE PRECISION"),
    ),
    "visits": (("vid", "INTEGER"), ("id", "INTEGER"), ("place", "TEXT"), ("cost", "DOUBLE PRECISION")),
    "places": (("place", "TEXT"), ("size", "INTEGER")),
}
ROWS: dict[str, list[tuple[object, ...]]] = {
    "people": [
        (1, "Ann", 31, "Rome", 4.5),
        (2, "ann", 25, "Oslo", None),
        (3, "Bob", None, "Rome", 3.0),
        (4, "C_m", 25, None, 3.0),
        (5, "D\\d", -7, "", -1.5),
        (6, None, 31, "Rome", 2.5),
    ],
    "visits": [
        (10, 1, "Park", 2.0),
        (11, 1, "Zoo", 3.5),
        (12, 2, "Park", None),
        (12, 2, "Park", None),
        (13, 9, None, 1.0),
        (14, None, "Bar", 8.0),
    ],
    "places": [("Park", 900), ("Zoo", None), ("Pier", 40), (None, 7)],
}
SCHEMA = Schema(
    tuple(
        Table(name, tuple(Column(c, declared, primary_key=(name, c) == ("people", "id")) for c, declared in columns))
        for name, columns in TABLES.items()
    )
)

EVERYWHERE = """
SELECT id, age / 2.0 FROM people ORDER BY id
SELECT id, MOD(age, 4), -age FROM people ORDER BY id
SELECT id FROM people ORDER BY age, id
SELECT id FROM people ORDER BY age DESC, id DESC
SELECT id FROM people ORDER BY age NULLS FIRST, id
SELECT id FROM people ORDER BY age DESC NULLS LAST, id
SELECT id, age AS a FROM people ORDER BY a, 1
SELECT id FROM people WHERE name LIKE 'A%'
SELECT id FROM people WHERE name NOT LIKE 'a%'
SELECT id FROM people WHERE name LIKE '_nn'
SELECT id FROM people WHERE LOWER(name) LIKE '%n'
SELECT id, name || '!' FROM people
SELECT id, name || city FROM people
SELECT id, CONCAT(name, '-', city) FROM people
SELECT id, COALESCE(name, city, 'none'), NULLIF(age, 25) FROM people
SELECT id, CASE WHEN age > 26 THEN 'old' WHEN age IS NULL THEN NULL ELSE 'young' END FROM people
SELECT id, GREATEST(age, 30), LEAST(age, id) FROM people
SELECT id, SUBSTR(name, 2), SUBSTR(name, 1, 2), LENGTH(name), UPPER(name), REPLACE(name, 'n', 'm') FROM people
SELECT id, TRIM(name), ABS(age), CEIL(score), FLOOR(score) FROM people
SELECT id, ROUND(age) FROM people
SELECT id FROM people WHERE age IN (25, 31, NULL)
SELECT id FROM people WHERE age NOT IN (25)
SELECT id FROM people WHERE age BETWEEN 0 AND 30 AND name IS NOT NULL
SELECT id FROM people WHERE age IS DISTINCT FROM 25
SELECT id FROM people WHERE id IN (SELECT id FROM visits WHERE cost > 2)
SELECT id FROM people WHERE EXISTS (SELECT 1 FROM visits WHERE visits.id = people.id)
SELECT id, (SELECT COUNT(*) FROM visits AS v WHERE v.id = p.id) FROM people AS p
SELECT id FROM people AS p WHERE age > (SELECT AVG(age) FROM people)
SELECT COUNT(*), COUNT(age), SUM(age), AVG(age), MIN(name), MAX(score) FROM people
SELECT COUNT(DISTINCT age), SUM(DISTINCT age) FROM people
SELECT city, COUNT(*) FROM people GROUP BY city
SELECT city, COUNT(*) AS n FROM people GROUP BY city HAVING COUNT(*) > 1
SELECT city AS c, COUNT(*) FROM people GROUP BY c
SELECT city, COUNT(*) FROM people GROUP BY 1 ORDER BY 2 DESC, 1
SELECT age + 1, COUNT(*) FROM people GROUP BY age + 1
SELECT city, age, SUM(score) FROM people GROUP BY city, age ORDER BY SUM(score) DESC NULLS LAST, city, age
SELECT city, COUNT(*) FROM people WHERE age > 20 GROUP BY city ORDER BY city
SELECT city, COUNT(*) FROM people GROUP BY ROLLUP (city)
SELECT city, age, COUNT(*), GROUPING(age) FROM people GROUP BY GROUPING SETS ((city, age), (city), ())
SELECT city, age, COUNT(*) FROM people GROUP BY CUBE (city, age)
SELECT DISTINCT age FROM people ORDER BY age
SELECT DISTINCT city, age FROM people
SELECT name, cost FROM people JOIN visits ON people.id = visits.id
SELECT name, cost FROM people LEFT JOIN visits ON people.id = visits.id AND cost > 2
SELECT name, cost FROM people RIGHT JOIN visits ON people.id = visits.id
SELECT name, cost FROM people FULL JOIN visits ON people.id = visits.id
SELECT name, size FROM people CROSS JOIN places
SELECT name, size FROM people, places WHERE age < size
SELECT * FROM visits JOIN places USING (place)
SELECT * FROM visits LEFT JOIN places USING (place)
SELECT * FROM visits RIGHT JOIN places USING (place)
SELECT * FROM visits FULL JOIN places USING (place)
SELECT place, cost, size FROM visits FULL JOIN places USING (place) WHERE place IS NOT NULL
SELECT place, COUNT(*) FROM visits FULL JOIN places USING (place) GROUP BY place
SELECT name, cost FROM people LEFT JOIN (visits JOIN places ON visits.place = places.place) ON people.id = visits.id
SELECT id, ROW_NUMBER() OVER (ORDER BY age, id) FROM people
SELECT id, RANK() OVER (ORDER BY age) FROM people
SELECT id, SUM(age) OVER (PARTITION BY city ORDER BY id) FROM people
SELECT id, SUM(id) OVER (ORDER BY age DESC, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM people
SELECT id, LAG(id) OVER (ORDER BY age NULLS FIRST, id) FROM people
SELECT id, SUM(age) OVER w, COUNT(*) OVER w FROM people WINDOW w AS (PARTITION BY city)
SELECT id FROM people UNION ALL SELECT id FROM visits
SELECT age FROM people EXCEPT DISTINCT SELECT size FROM places
SELECT age FROM people UNION DISTINCT SELECT size FROM places ORDER BY age
(SELECT id FROM people ORDER BY age, id LIMIT 2) UNION ALL (SELECT vid FROM visits ORDER BY vid DESC LIMIT 1)
SELECT id FROM people ORDER BY id LIMIT 2 OFFSET 1
SELECT a FROM (SELECT age AS a, id FROM people) AS t WHERE a > 26 ORDER BY id
WITH old AS (SELECT * FROM people WHERE age > 26) SELECT o.name FROM old AS o JOIN visits AS v ON o.id = v.id
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n FROM r ORDER BY n
SELECT 1 AS one, 'x' AS two
SELECT COUNT(*) FROM people WHERE TRUE AND NOT (age = 25)
SELECT p.id, q.id FROM people AS p JOIN people AS q ON p.age = q.age AND p.id < q.id
"""

DUCKDB = """
SELECT id, age / 2, age // 2, age % 4 FROM people
SELECT id FROM people WHERE name ILIKE 'A%'
SELECT id FROM people WHERE name LIKE 'D\\d'
SELECT id FROM people WHERE name LIKE 'C!_m' ESCAPE '!'
SELECT id FROM people WHERE name ILIKE 'c!_M' ESCAPE '!'
SELECT id FROM people WHERE "name" = 'Ann'
SELECT id FROM people WHERE age = '25'
SELECT -age AS k, k + 1 FROM people WHERE k < -26
SELECT -age AS age FROM people WHERE age = 25
SELECT age AS k FROM people ORDER BY k + 0, id
SELECT -id AS id FROM people ORDER BY id + 0
SELECT id AS age, COUNT(*) AS n FROM people GROUP BY age, people.id HAVING n > 0
SELECT city, age, COUNT(*) FROM people GROUP BY ALL
SELECT city, age, COUNT(*) AS n FROM people GROUP BY ALL ORDER BY ALL
SELECT age, city FROM people ORDER BY ALL DESC
SELECT DISTINCT ON (city) city, name, age FROM people ORDER BY city, age DESC, id
SELECT DISTINCT ON (age) age FROM people ORDER BY age LIMIT 2
SELECT id, ROW_NUMBER() OVER (PARTITION BY city ORDER BY id) AS r FROM people QUALIFY r = 1
SELECT id FROM people QUALIFY ROW_NUMBER() OVER (PARTITION BY age ORDER BY id) = 1 ORDER BY id DESC
SELECT age, COUNT(*) FROM people GROUP BY age QUALIFY RANK() OVER (ORDER BY COUNT(*) DESC) = 1
SELECT id, SUM(id) OVER (ORDER BY id) AS s FROM people QUALIFY s > 3 ORDER BY s DESC
SELECT * EXCLUDE (age, score) FROM people
SELECT p.* EXCLUDE (age), v.cost FROM people AS p JOIN visits AS v ON p.id = v.id
SELECT * REPLACE (age + 1 AS age) FROM people
SELECT COUNT(*) FILTER (WHERE age > 26), SUM(id) FILTER (WHERE age IS NULL) FROM people
SELECT id::TEXT || '!' FROM people
SELECT id, name || id FROM people
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(x, y) WHERE x > 0
SELECT col0 FROM (VALUES (3), (4))
VALUES (1, 'a'), (2, 'b')
FROM places
FROM people SELECT name WHERE age > 26
(SELECT id FROM people ORDER BY age, id LIMIT 3) ORDER BY id DESC LIMIT 2
SELECT age FROM people UNION SELECT size FROM places ORDER BY age + 1
SELECT id FROM people UNION SELECT id FROM visits INTERSECT SELECT vid FROM visits
SELECT * FROM visits NATURAL JOIN places
SELECT x.a FROM places AS x(a, b) WHERE b > 10
SELECT string_agg(name, ',' ORDER BY age DESC, id) FROM people
SELECT city, string_agg(name, ';' ORDER BY id) FROM people GROUP BY city
SELECT any_value(place) FROM places GROUP BY size
SELECT EXTRACT(year FROM DATE '2020-02-03'), year(DATE '2020-02-03')
SELECT left(name, 1), right(name, 2), instr(name, 'n') FROM people
SELECT id, if(age > 26, 'a', 'b'), ifnull(age, 0) FROM people
SELECT bool_and(age > 0), bool_or(age > 0), count_if(age > 26) FROM people
SELECT id FROM people p WHERE p.score IS NOT NULL ORDER BY score DESC NULLS FIRST, id LIMIT 1 + 1
SELECT 1 WHERE EXISTS (SELECT 1 FROM people WHERE age > 30)
SELECT count(*) HAVING count(*) > 5
SELECT id, concat(name, id) FROM people
"""

POSTGRES = """
SELECT id, age / 2, age % 4, -7 / 2 FROM people
SELECT id, (SUM(age) OVER ()) / 2 FROM people
SELECT SUM(age) / COUNT(*) FROM people
SELECT id FROM people WHERE name ILIKE 'A%'
SELECT id FROM people WHERE name LIKE 'C\\_m'
SELECT id FROM people WHERE name LIKE 'C!_m' ESCAPE '!'
SELECT id FROM people WHERE age = '25'
SELECT id FROM people WHERE age IN ('25', '31')
SELECT city AS c, COUNT(*) FROM people GROUP BY c HAVING COUNT(*) > 1 ORDER BY c
SELECT -age AS age FROM people ORDER BY age, id
SELECT -id AS id FROM people ORDER BY id + 0
SELECT id, name, COUNT(*) FROM people GROUP BY id
SELECT name, SUM(cost) FROM people JOIN visits USING (id) GROUP BY people.id ORDER BY people.id
SELECT DISTINCT ON (city) city, name, age FROM people ORDER BY city, age DESC, id
SELECT COUNT(*) FILTER (WHERE age > 26), SUM(id) FILTER (WHERE age IS NULL) FROM people
SELECT id::TEXT || '!' FROM people
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(x, y) WHERE x > 0
SELECT column1 FROM (VALUES (3), (4)) AS v
VALUES (1, 'a'), (2, 'b')
SELECT id FROM people ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT id FROM people ORDER BY id LIMIT ALL OFFSET 4
SELECT id FROM people UNION SELECT id FROM visits INTERSECT SELECT vid FROM visits
SELECT * FROM visits NATURAL JOIN places
SELECT * FROM places NATURAL FULL JOIN visits
SELECT x.a FROM places AS x(a, b) WHERE b > 10
SELECT string_agg(name, ',' ORDER BY age DESC, id) FROM people
SELECT EXTRACT(YEAR FROM DATE '2020-02-03')
SELECT left(name, 1), right(name, 2), position('n' in name), char_length(name) FROM people
SELECT bool_and(age > 0), bool_or(age > 0) FROM people
SELECT 1 WHERE EXISTS (SELECT 1 FROM people WHERE age > 30)
SELECT id FROM people AS p WHERE EXISTS (SELECT -p.age AS vid FROM visits WHERE vid = 12 AND p.id = 2)
SELECT city, age FROM people GROUP BY city, ROLLUP (age)
"""

BIGQUERY = """
SELECT id, age / 2, DIV(age, 2) FROM people
SELECT id FROM people WHERE name LIKE "A%"
SELECT id FROM people WHERE name LIKE 'C\\\\_m'
SELECT age AS id, COUNT(*) FROM people GROUP BY id
SELECT -age AS age FROM people ORDER BY age, id
SELECT id, -age AS age FROM people ORDER BY age + 0, id
SELECT age AS a, COUNT(*) AS n FROM people GROUP BY a HAVING a > 20 AND n > 1
SELECT `id` FROM `people` WHERE `age` > 26
SELECT * EXCEPT (age, score) FROM people
SELECT * REPLACE (age + 1 AS age) FROM people
SELECT p.* EXCEPT (age), v.cost FROM people AS p JOIN visits AS v ON p.id = v.id
SELECT id, ROW_NUMBER() OVER (PARTITION BY city ORDER BY id) AS r FROM people WHERE TRUE QUALIFY r = 1
SELECT id FROM people WHERE id > 0 QUALIFY RANK() OVER (ORDER BY age NULLS LAST) <= 2
SELECT city, age, COUNT(*) FROM people GROUP BY ALL
SELECT CAST(score AS INT64), CAST(age AS STRING) FROM people
SELECT id, CAST(score AS INT64) FROM people
SELECT SAFE_CAST(name AS INT64) FROM people
SELECT STRING_AGG(name, ',' ORDER BY age DESC, id) FROM people
SELECT COUNTIF(age > 26), LOGICAL_AND(age > 0), ANY_VALUE(city HAVING MAX score) FROM people
SELECT IF(age > 26, 'a', 'b'), IFNULL(age, 0) FROM people
SELECT age FROM people UNION DISTINCT SELECT size FROM places ORDER BY age + 1
(SELECT id FROM people ORDER BY age, id LIMIT 3) ORDER BY id DESC LIMIT 2
SELECT TRIM(name), SUBSTR(name, -2), STRPOS(name, 'n') FROM people
SELECT 1 FROM people LIMIT 2
SELECT SUM(COUNT(*)) OVER () AS total, city FROM people GROUP BY city
"""

REFUSED = {
    "duckdb": {
        "SELECT name, age FROM people GROUP BY name": "a column that is neither grouped nor aggregated",
        "SELECT MAX(age, 2) FROM people": "MAX or MIN of several values in duckdb",
        "SELECT median(age) FROM people": "MEDIAN of duckdb",
        "SELECT CAST(score AS INTEGER) FROM people": (
            "a CAST of reals to integers, which rounds halves to even, in duckdb"
        ),
        "SELECT CAST(age AS DECIMAL(5, 2)) FROM people": "a CAST to a type with a length or a scale, in duckdb",
        "SELECT CAST(name AS JSON) FROM people": "a CAST to a type that is not known, in duckdb",
        "SELECT score % 2 FROM people": "the remainder of reals in duckdb",
        "SELECT substr(name, age) FROM people": "SUBSTRING from anywhere but a literal position in duckdb",
        "SELECT list(age) FROM people": "ARRAYAGG of duckdb",
        "SELECT [1, 2]": "ARRAY of duckdb",
        "SELECT COLUMNS('a.*') FROM people": "COLUMNS of duckdb",
        "SELECT id FROM people LIMIT 50%": "a LIMIT in percent or WITH TIES",
        "SELECT * FROM people SEMI JOIN visits USING (id)": "SEMI JOIN",
        "SELECT * FROM people POSITIONAL JOIN visits": "POSITIONAL JOIN",
        "SELECT * FROM people UNION ALL BY NAME SELECT * FROM people": "a set operation BY NAME",
        "SELECT DISTINCT age FROM people ORDER BY id": "ORDER BY of a column that SELECT DISTINCT leaves out",
        "SELECT * FROM people USING SAMPLE 2": "TABLESAMPLE",
        "SELECT name COLLATE NOCASE FROM people": "COLLATE",
    },
    "postgres": {
        "SELECT name, age FROM people GROUP BY name": "a column that is neither grouped nor aggregated",
        "SELECT ROUND(score) FROM people": "ROUND without digits, which may round halves to even, in postgres",
        "SELECT name::VARCHAR(2) FROM people": "a CAST to a type with a length or a scale, in postgres",
        "SELECT name ~ 'a' FROM people": "REGEXPLIKE of postgres",
        "SELECT id FROM people ORDER BY age FETCH FIRST 1 ROW WITH TIES": "a LIMIT in percent or WITH TIES",
        "SELECT score || name FROM people": "a real number joined to a text in postgres",
        "SELECT * FROM people, LATERAL (SELECT 1) AS l": "LATERAL in FROM",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM people": "WITHIN GROUP",
    },
    "bigquery": {
        "SELECT ARRAY_AGG(name) FROM people": "ARRAYAGG of bigquery",
        "SELECT x FROM UNNEST([1, 2]) AS x": "UNNEST in FROM",
        "SELECT AS STRUCT name FROM people": "SELECT AS STRUCT",
    },
    "spark": {
        "SELECT name RLIKE 'a' FROM people": "REGEXPLIKE of spark",
        "SELECT * FROM people LATERAL VIEW EXPLODE(ARRAY(1)) t AS x": "LATERALS",
    },
}

SPARK_TEXTS = {
    "SELECT id, age / 2, age DIV 2, age % 2 FROM people": (
        "FROM people\n|> SELECT id, age / 2, DIV(age, 2), MOD(age, 2)"
    ),
    "SELECT id FROM people ORDER BY age, id DESC": "FROM people\n|> ORDER BY age, id DESC\n|> SELECT id",
    "SELECT age AS k, k + 1 FROM people": "FROM people\n|> SELECT age AS k, age + 1",
    "SELECT CAST(score AS INT) FROM people": "FROM people\n|> SELECT SAFE_CAST(TRUNC(score) AS INT64)",
    'SELECT id FROM people WHERE name = "Ann"': "FROM people\n|> WHERE name = 'Ann'\n|> SELECT id",
    "SELECT city, age, COUNT(*) FROM people GROUP BY city, age WITH ROLLUP": (
        "FROM people\n|> AGGREGATE COUNT(*) AS count GROUP BY ROLLUP (city, age)"
    ),
    "SELECT * FROM visits JOIN places USING (place)": (
        "FROM visits\n|> JOIN places ON visits.place = places.place\n|> SELECT visits.place, vid, id, cost, size"
    ),
}
"""Spark is not run: the texts are what its reference says."""


def queries(text: str) -> list[str]:
    """The queries of a table of them, one a line."""
    return [line for line in text.splitlines() if line.strip()]
