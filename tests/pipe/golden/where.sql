--- case: comparison
--- gold
SELECT name FROM singer WHERE age > 25
--- pipe
FROM singer
|> WHERE age > 25
|> SELECT name
--- sql
SELECT name FROM singer WHERE age > 25
--- rows
'Ann'
"D'Or"

--- case: and or not
--- gold
SELECT name FROM singer WHERE NOT (age > 30 OR country = 'Chile') AND rating = 3
--- pipe
FROM singer
|> WHERE NOT (age > 30 OR country = 'Chile') AND rating = 3
|> SELECT name
--- sql
SELECT name FROM singer WHERE NOT (age > 30 OR country = 'Chile') AND rating = 3
--- rows
(none)

--- case: is null
--- gold
SELECT name FROM singer WHERE country IS NULL OR age IS NOT NULL
--- pipe
FROM singer
|> WHERE country IS NULL OR age IS NOT NULL
|> SELECT name
--- sql
SELECT name FROM singer WHERE country IS NULL OR age IS NOT NULL
--- rows
'Ann'
'Bob'
'ann'
"D'Or"

--- case: is not a value
--- gold
SELECT name FROM singer WHERE age IS NOT 25
--- pipe
FROM singer
|> WHERE age IS DISTINCT FROM 25
|> SELECT name
--- sql
SELECT name FROM singer WHERE age IS NOT 25
--- rows
'Ann'
'Cem'
"D'Or"

--- case: between
--- gold
SELECT name FROM singer WHERE age NOT BETWEEN 26 AND 40
--- pipe
FROM singer
|> WHERE age NOT BETWEEN 26 AND 40
|> SELECT name
--- sql
SELECT name FROM singer WHERE age NOT BETWEEN 26 AND 40
--- rows
'Bob'
'ann'
"D'Or"

--- case: in a list
--- gold
SELECT name FROM singer WHERE country IN ('Peru', 'Chile') AND age NOT IN (47)
--- pipe
FROM singer
|> WHERE country IN ('Peru', 'Chile') AND age NOT IN (47)
|> SELECT name
--- sql
SELECT name FROM singer WHERE country IN ('Peru', 'Chile') AND age NOT IN (47)
--- rows
'Bob'

--- case: in an empty list
--- gold
SELECT name FROM singer WHERE age NOT IN ()
--- pipe
FROM singer
|> WHERE NOT FALSE
|> SELECT name
--- sql
SELECT name FROM singer WHERE NOT FALSE
--- rows
'Ann'
'Bob'
'Cem'
'ann'
"D'Or"

--- case: like takes no notice of case
--- gold
SELECT name FROM singer WHERE name LIKE 'a%'
--- pipe
FROM singer
|> WHERE LOWER(name) LIKE 'a%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE LOWER(name) LIKE 'a%'
--- rows
'Ann'
'ann'

--- case: like without letters
--- gold
SELECT name FROM singer WHERE name LIKE '%''%'
--- pipe
FROM singer
|> WHERE name LIKE '%\'%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE name LIKE '%''%'
--- rows
"D'Or"

--- case: like with an escape character
--- gold
SELECT name FROM singer WHERE name LIKE '%^_%' ESCAPE '^' OR name LIKE 'D^%'
--- pipe
FROM singer
|> WHERE name LIKE '%\\_%' OR LOWER(name) LIKE 'd^%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE name LIKE '%\_%' ESCAPE '\' OR LOWER(name) LIKE 'd^%'
--- rows
(none)

--- case: glob minds case
--- gold
SELECT name FROM singer WHERE name GLOB 'A*'
--- pipe
FROM singer
|> WHERE name LIKE 'A%'
|> SELECT name
--- sql
SELECT name FROM singer WHERE name GLOB 'A*'
--- rows
'Ann'

--- case: a string in double quotes
--- gold
SELECT name FROM singer WHERE country = "France"
--- pipe
FROM singer
|> WHERE country = 'France'
|> SELECT name
--- sql
SELECT name FROM singer WHERE country = 'France'
--- rows
'Ann'
'Cem'

--- case: an alias in where
--- gold
SELECT age + 1 AS next FROM singer WHERE next > 30
--- pipe
FROM singer
|> WHERE (age + 1) > 30
|> SELECT age + 1 AS next
--- sql
SELECT age + 1 AS next FROM singer WHERE (age + 1) > 30
--- rows
32
48

--- case: ignoring case
--- gold
SELECT name FROM singer WHERE name COLLATE NOCASE = 'ANN' OR country COLLATE NOCASE IN ('PERU', 'chile')
--- pipe
FROM singer
|> WHERE LOWER(name) = 'ann' OR LOWER(country) IN ('peru', 'chile')
|> SELECT name
--- sql
SELECT name FROM singer WHERE LOWER(name) = 'ann' OR LOWER(country) IN ('peru', 'chile')
--- rows
'Ann'
'Bob'
'ann'
"D'Or"

--- case: rowid
--- gold
SELECT rowid, name FROM singer WHERE singer.rowid > 2 AND oid < 5
--- pipe
FROM singer
|> WHERE singer_id > 2 AND singer_id < 5
|> SELECT singer_id, name
--- sql
SELECT singer_id, name FROM singer WHERE singer_id > 2 AND singer_id < 5
--- rows
3 | 'Cem'
4 | 'ann'
