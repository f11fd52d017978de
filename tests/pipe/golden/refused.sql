--- case: recursive
--- gold
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r
--- refused
cannot express WITH RECURSIVE

--- case: values
--- gold
VALUES (1, 2)
--- refused
cannot express a VALUES statement: only queries have a pipe form

--- case: rowid
--- gold
SELECT rowid FROM hall
--- refused
cannot express rowid: it is no column of the table

--- case: collate
--- gold
SELECT name FROM singer ORDER BY name COLLATE NOCASE
--- refused
cannot express COLLATE

--- case: total
--- gold
SELECT TOTAL(age) FROM singer
--- refused
cannot express TOTAL: write COALESCE(SUM(…), 0.0)

--- case: named window
--- gold
SELECT SUM(age) OVER w FROM singer WINDOW w AS (ORDER BY age)
--- refused
cannot express WINDOWS

--- case: division of unknown types
--- gold
SELECT price / 2 FROM concert
--- refused
cannot express a division whose operands may be integers or not: price / 2: write CAST or * 1.0

--- case: brackets around a join
--- gold
SELECT * FROM (hall JOIN concert ON hall.hall = concert.hall)
--- refused
cannot express a table or join in brackets: (hall JOIN concert ON hall.hall = concert.hall)

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

--- case: computed limit
--- gold
SELECT * FROM hall LIMIT 1 + 1
--- refused
cannot express a LIMIT that is not a plain number: 1 + 1

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
no column nam in the tables of this query
