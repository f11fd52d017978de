--- case: division of unknown types
--- gold
SELECT price / 2 FROM concert
--- refused
cannot express a division whose operands may be integers or not: price / 2; CAST one side, or multiply it by 1.0

--- case: parameter
--- gold
SELECT * FROM hall WHERE seats = ?
--- refused
cannot express a query parameter: ?

--- case: blob
--- gold
SELECT x'ab'
--- refused
cannot express a blob literal: x'ab'

--- case: aggregate of an outer query
--- gold
SELECT year, (SELECT MAX(concert.year) FROM hall) FROM concert GROUP BY year
--- refused
cannot express an aggregate function of an outer query inside a subquery

--- case: an insert
--- gold
DELETE FROM hall
--- refused
cannot express a DELETE statement: only queries have a pipe form

--- case: unknown column
--- gold
SELECT nam FROM singer
--- refused
no column nam in this query: did you mean name?

--- case: rowid of a table without INTEGER PRIMARY KEY
--- gold
SELECT rowid FROM hall
--- refused
cannot express rowid: hall has no INTEGER PRIMARY KEY, which it would be

--- case: collate in an output
--- gold
SELECT name COLLATE NOCASE FROM singer
--- refused
cannot express COLLATE: only in comparisons, ORDER BY and GROUP BY

--- case: nocase of a number
--- gold
SELECT name FROM singer WHERE age COLLATE NOCASE = '25'
--- refused
cannot express COLLATE NOCASE of a value that may not be a text: age

--- case: a limit that is no constant
--- gold
SELECT * FROM hall LIMIT (SELECT 1)
--- refused
cannot express a LIMIT that is not a plain number: (SELECT 1)

--- case: expression after a set operation
--- gold
SELECT name FROM singer UNION SELECT hall FROM hall ORDER BY UPPER(name)
--- refused
cannot express ORDER BY of an expression after a set operation: UPPER(name)

--- case: a column that an inner later table has, in an outer join's ON
--- gold
SELECT name FROM singer LEFT JOIN concert ON singer.singer_id = concert.singer_id AND seats > 1 LEFT JOIN hall ON hall.hall = concert.hall
--- refused
cannot express an ON that names a later table, in or beside an outer join

--- case: using inside brackets beside an outer join
--- gold
SELECT name FROM singer LEFT JOIN (concert JOIN hall USING (hall)) ON singer.singer_id = concert.singer_id
--- refused
cannot express USING or NATURAL in brackets beside an outer join: SQLite shows such columns first

--- case: recursion in both parts
--- gold
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3 UNION ALL SELECT n + 2 FROM r WHERE n < 3) SELECT * FROM r
--- refused
cannot express a recursive CTE with several recursive parts: r

--- case: recursion that is cut
--- gold
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 3) SELECT * FROM r
--- refused
cannot express a recursive CTE that is not a plain UNION: r

--- case: filter of a window function
--- gold
SELECT name, GROUP_CONCAT(DISTINCT name) FILTER (WHERE age > 3), FIRST_VALUE(name) FILTER (WHERE age > 3) OVER () FROM singer
--- refused
cannot express FILTER: FIRST_VALUE(name) FILTER(WHERE age > 3)

--- case: recursion that changes a type
--- gold
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n / 2.0 FROM r WHERE n > 0.1) SELECT * FROM r
--- refused
cannot express a recursive CTE whose columns change their type: r

--- case: a window that nobody defines
--- gold
SELECT SUM(age) OVER nope FROM singer
--- refused
no window nope in a WINDOW clause
