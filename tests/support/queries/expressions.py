"""Expressions whose value must be Google's on every engine, on rows with NULLs, negative numbers and empty strings."""

from __future__ import annotations

VALUES = """
    CREATE TABLE v (id INTEGER, i INTEGER, j INTEGER, r REAL, q REAL, s TEXT, p TEXT, d DATE, e DATE);
    INSERT INTO v VALUES
        (1, 7, 2, 7.5, 2.0, 'abc', 'b', '2020-01-31', '2020-03-01'),
        (2, -7, 2, -7.5, 2.5, 'ABC', 'B', '2019-12-30', '2020-01-01'),
        (3, 7, -2, 2.5, -1.25, '', 'a%', '2021-02-28', '2020-02-29'),
        (4, -7, -2, -2.5, 0.5, 'a_b%c', '_', '2000-02-29', '1999-12-31'),
        (5, NULL, 3, NULL, 1.0, NULL, 'x', NULL, '2020-06-15'),
        (6, 5, NULL, 0.0, NULL, ' 	pad
 ', NULL, '2020-06-15', NULL),
        (7, 0, 10, 1e10, 3.0, '42', '-7', '2022-01-02', '2022-01-02'),
        (8, 1, 1, 0.5, 1.5, 'Straße', 'ß', '2024-12-30', '2023-01-01');
"""

#: One expression a line; a heading starts with a dash.
SCALARS = """
- arithmetic
i / j
r / q
i / q
i * 1.0 / j
(i + 1) / j
DIV(i, j)
DIV(i + 1, j)
MOD(i, j)
MOD(i * 3, j + 20)
-i
- - i
i + j * 2 - 3
i - (j - 1)
ABS(i)
ABS(r)
SIGN(i)
SIGN(r)
SAFE_DIVIDE(i, j - 2)
SAFE_DIVIDE(r, q)
IEEE_DIVIDE(r, q)
ROUND(r)
ROUND(r, 1)
ROUND(q * 10, -1)
ROUND(i)
TRUNC(r)
CEIL(r)
CEILING(r)
FLOOR(r)
POW(i, 2)
POWER(j, 2)
SQRT(ABS(r))
EXP(j)
LN(ABS(i) + 1)
LOG(ABS(i) + 1, 2)
LOG10(ABS(i) + 1)
LOG(ABS(r) + 1, 2)
GREATEST(i, j)
LEAST(i, j, 3)
GREATEST(r, q)
i & 6
i | 8
i ^ 3
~i
1 << 3
- comparison and logic
i = j
i != j
i <> 7
i IS NULL
i IS NOT NULL
i IS DISTINCT FROM j
i IS NOT DISTINCT FROM NULL
i BETWEEN -7 AND 5
i NOT BETWEEN j AND 7
i IN (7, 5)
i IN (7, NULL)
i NOT IN (7, NULL)
i IN UNNEST([7, 5])
s NOT IN UNNEST(['abc', 'x'])
i NOT IN (1, 2)
s IN ('abc', '')
i > 0 AND j > 0
i > 0 OR j > 0
NOT (i > 0)
(i > 0) IS TRUE
(i > 0) IS NOT TRUE
(i > 0) IS FALSE
(i > 0) = (j > 0)
RAND() < 1 AND RAND() >= 0
TRUE
FALSE
NULL
CASE WHEN i > 0 THEN 'p' WHEN i < 0 THEN 'n' END
CASE i WHEN 7 THEN 1 ELSE 0 END
IF(i > 0, 'yes', 'no')
IF(i > 0, r, NULL)
IFNULL(i, 0)
COALESCE(i, j, 0)
COALESCE(s, p)
NULLIF(i, 7)
NULLIF(s, '')
- casts
CAST(r AS INT64)
CAST(q AS INT64)
CAST(i AS FLOAT64)
CAST(i AS STRING)
CAST(r AS STRING)
CAST(q AS STRING)
CAST('12' AS INT64)
CAST('1.5' AS FLOAT64)
CAST(i > 0 AS INT64)
CAST(i > 0 AS STRING)
CAST(i AS BOOL)
CAST('2020-01-05' AS DATE)
CAST(d AS STRING)
SAFE_CAST(s AS INT64)
SAFE_CAST(s AS FLOAT64)
SAFE_CAST(p AS INT64)
- strings
CONCAT(s, p)
CONCAT(s, 'x', p)
s || p
s || '-' || p
LENGTH(s)
CHAR_LENGTH(s)
BYTE_LENGTH(s)
LOWER(s)
UPPER(p)
TRIM(s)
LTRIM(s)
RTRIM(s)
TRIM(s, 'abc')
TRIM(s, ' ')
LTRIM(s, 'a')
RTRIM(s, 'c')
REPLACE(s, 'b', 'xx')
REPLACE(s, '', 'x')
SUBSTR(s, 2)
SUBSTR(s, 1, 2)
SUBSTR(s, 0, 2)
SUBSTR(s, -2)
SUBSTR(s, -2, 1)
SUBSTR(s, -9, 3)
SUBSTR(s, i)
SUBSTR(s, j, 2)
SUBSTRING(s, 2, 1)
LEFT(s, 2)
RIGHT(s, 2)
STRPOS(s, 'b')
INSTR(s, 'b')
STARTS_WITH(s, 'a')
ENDS_WITH(s, 'c')
REVERSE(s)
REPEAT(s, 2)
LPAD(s, 5, '*')
RPAD(s, 5)
LPAD(s, 2)
ASCII(s)
CHR(65)
INITCAP(s)
s LIKE 'a%'
s LIKE 'A%'
s LIKE '%b%'
s NOT LIKE 'a%'
s LIKE 'a\\\\_%'
s LIKE 'a\\\\%b'
s LIKE '%\\\\%c'
s LIKE '42'
s LIKE ''
LOWER(s) LIKE 'a%'
LOWER(s) LIKE LOWER(p)
s LIKE p
s < p
s = 'ABC'
s < 'a'
- dates
DATE '2020-01-05'
d < DATE '2020-06-01'
d BETWEEN DATE '2020-01-01' AND DATE '2020-12-31'
d = e
d <= DATE_SUB(DATE '2020-12-01', INTERVAL 90 DAY)
DATE_ADD(d, INTERVAL 1 DAY)
DATE_ADD(d, INTERVAL 1 MONTH)
DATE_ADD(d, INTERVAL 13 MONTH)
DATE_ADD(d, INTERVAL 1 YEAR)
DATE_ADD(d, INTERVAL 1 QUARTER)
DATE_ADD(d, INTERVAL 2 WEEK)
DATE_ADD(d, INTERVAL i DAY)
DATE_ADD(d, INTERVAL j MONTH)
DATE_ADD(d, INTERVAL -1 MONTH)
DATE_SUB(d, INTERVAL 1 DAY)
DATE_SUB(d, INTERVAL 1 MONTH)
DATE_SUB(d, INTERVAL i DAY)
DATE_SUB(d, INTERVAL 1 YEAR)
DATE_ADD(DATE '2020-01-31', INTERVAL 1 MONTH)
DATE_SUB(DATE '2020-03-31', INTERVAL 1 MONTH)
d + 1
d - 1
DATE_DIFF(d, e, DAY)
DATE_DIFF(d, e, MONTH)
DATE_DIFF(d, e, YEAR)
DATE_DIFF(d, e, QUARTER)
DATE_DIFF(d, e, WEEK)
DATE_DIFF(d, e, ISOWEEK)
DATE_TRUNC(d, YEAR)
DATE_TRUNC(d, QUARTER)
DATE_TRUNC(d, MONTH)
DATE_TRUNC(d, WEEK)
DATE_TRUNC(d, WEEK(MONDAY))
DATE_TRUNC(d, ISOWEEK)
DATE_TRUNC(d, DAY)
EXTRACT(YEAR FROM d)
EXTRACT(MONTH FROM d)
EXTRACT(DAY FROM d)
EXTRACT(QUARTER FROM d)
EXTRACT(DAYOFWEEK FROM d)
EXTRACT(DAYOFYEAR FROM d)
EXTRACT(WEEK FROM d)
EXTRACT(ISOWEEK FROM d)
EXTRACT(ISOYEAR FROM d)
FORMAT_DATE('%Y', d)
FORMAT_DATE('%Y-%m', d)
FORMAT_DATE('%m/%d/%Y', d)
FORMAT_DATE('%Y%m%d', d)
FORMAT_DATE('%j', d)
FORMAT_DATE('%B', d)
FORMAT_DATE('%b %d', d)
FORMAT_DATE('%A', d)
PARSE_DATE('%Y-%m-%d', '2020-01-05')
PARSE_DATE('%Y%m%d', '20200105')
LAST_DAY(d)
DATE(2020, 1, 5)
DATE(EXTRACT(YEAR FROM d), 1, 1)
UNIX_DATE(d)
- nested
2 * DIV(i, j)
DIV(i, j) * 2
20 - DIV(i, j) * MOD(i, j)
-MOD(i, j)
-DATE_DIFF(d, e, DAY) * 2
100 - DATE_DIFF(d, e, MONTH)
2 * SAFE_DIVIDE(i, j)
1 - i / j
i / (j / 4)
i / j / 4
(i + j) / j
NOT STARTS_WITH(s, 'a')
STARTS_WITH(s, 'a') = ENDS_WITH(s, 'c')
s LIKE 'a%' AND NOT s LIKE '%c'
NOT (s LIKE 'a%' OR i > 0)
CAST(i / j AS INT64)
CAST(TRUNC(i / j) AS INT64)
CAST(ROUND(i / j) AS INT64) + 1
ROUND(i / j, 1)
10 - (i ^ 3)
SUBSTR(s, STRPOS(s, 'b') + 1, 2)
SUBSTR(s, STRPOS(s, 'b'), 2)
SUBSTR(s, i - 5, 2)
CONCAT(CAST(i AS STRING), '/', CAST(j AS STRING))
EXTRACT(YEAR FROM d) - EXTRACT(YEAR FROM e)
EXTRACT(YEAR FROM d) / 4
DATE_ADD(DATE_TRUNC(d, MONTH), INTERVAL 1 MONTH)
DATE_DIFF(DATE_ADD(d, INTERVAL 1 MONTH), e, DAY)
DATE_ADD(DATE_SUB(d, INTERVAL 1 MONTH), INTERVAL 1 YEAR) > e
IF(DATE_DIFF(d, e, DAY) > 0, 'later', 'not later')
COALESCE(DIV(i, j), -1) + 1
GREATEST(i, j) * 2
(s = 'abc') IS TRUE
i > 0 AND (j > 0 OR s IS NULL)
CASE WHEN s LIKE 'a%' THEN 1.5 ELSE 2 END
- windows
ROW_NUMBER() OVER (ORDER BY i, id)
ROW_NUMBER() OVER (ORDER BY s DESC, id)
RANK() OVER (ORDER BY i)
DENSE_RANK() OVER (ORDER BY i DESC)
PERCENT_RANK() OVER (ORDER BY i)
CUME_DIST() OVER (ORDER BY i)
NTILE(3) OVER (ORDER BY id)
LAG(i) OVER (ORDER BY id)
LAG(i, 2, 0) OVER (ORDER BY id)
LEAD(s, 1, 'none') OVER (ORDER BY id)
FIRST_VALUE(s) OVER (ORDER BY id)
LAST_VALUE(s) OVER (ORDER BY id)
LAST_VALUE(s) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
FIRST_VALUE(i IGNORE NULLS) OVER (ORDER BY id DESC)
NTH_VALUE(s, 2) OVER (ORDER BY id)
SUM(i) OVER (ORDER BY id)
SUM(i) OVER (ORDER BY j)
SUM(i) OVER (ORDER BY id ROWS 2 PRECEDING)
SUM(i) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
SUM(id) OVER (ORDER BY j RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
SUM(id) OVER (ORDER BY i RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
AVG(i) OVER (PARTITION BY j)
COUNT(*) OVER (PARTITION BY i)
COUNT(DISTINCT i) OVER (PARTITION BY j)
MIN(s) OVER (PARTITION BY i)
COUNTIF(i > 0) OVER (ORDER BY id)
STRING_AGG(p, ',') OVER (ORDER BY id)
LOGICAL_OR(i > 5) OVER (PARTITION BY j)
ANY_VALUE(i) OVER (PARTITION BY i)
"""

#: Grouped by `j > 0`.
AGGREGATES = """
- aggregates
COUNT(*)
COUNT(i)
COUNT(DISTINCT i)
SUM(i)
SUM(DISTINCT i)
SUM(r)
AVG(i)
AVG(DISTINCT i)
MIN(s)
MAX(s)
MIN(d)
MAX(i > 0)
COUNTIF(i > 0)
LOGICAL_AND(i > 0)
LOGICAL_OR(i > 0)
STRING_AGG(p ORDER BY p)
STRING_AGG(p, '; ' ORDER BY id DESC)
STRING_AGG(DISTINCT p, '-' ORDER BY p)
STRING_AGG(p, ',' ORDER BY p LIMIT 2)
ARRAY_AGG(i IGNORE NULLS ORDER BY id)
ANY_VALUE(j > 0)
ANY_VALUE(s HAVING MAX id)
ANY_VALUE(s HAVING MIN id)
ANY_VALUE(s HAVING MAX r)
ANY_VALUE(i HAVING MIN ABS(id - 5))
VARIANCE(r)
VAR_POP(r)
STDDEV(r)
STDDEV_POP(q)
STDDEV_SAMP(q)
CORR(r, q)
BIT_AND(i)
BIT_OR(i)
SUM(i) / COUNT(*)
SUM(IF(i > 0, 1, 0))
SUM(CASE WHEN i > 0 THEN r ELSE 0 END) / SUM(q)
MAX(i) - MIN(i)
COUNT(DISTINCT IF(i > 0, j, NULL))
COUNTIF(id > 100)
SUM(IF(id > 100, 1, NULL))
"""


def listed(text: str) -> list[str]:
    """The expressions of a list, without its headings."""
    return [line for line in text.strip().splitlines() if (line and not line.startswith("- ")) or line == "- - i"]


_SAFE_CASTS = """
SAFE_CAST(s AS INT64)
SAFE_CAST(p AS INT64)
"""

#: What an engine refuses by name.
REFUSED = {
    "sqlite": f"""
{_SAFE_CASTS.strip()}
IEEE_DIVIDE(r, q)
REVERSE(s)
LPAD(s, 5, '*')
RPAD(s, 5)
LPAD(s, 2)
ASCII(s)
INITCAP(s)
s LIKE p
FORMAT_DATE('%B', d)
FORMAT_DATE('%b %d', d)
FORMAT_DATE('%A', d)
PARSE_DATE('%Y%m%d', '20200105')
FIRST_VALUE(i IGNORE NULLS) OVER (ORDER BY id DESC)
COUNT(DISTINCT i) OVER (PARTITION BY j)
STRING_AGG(p ORDER BY p)
STRING_AGG(p, '; ' ORDER BY id DESC)
STRING_AGG(DISTINCT p, '-' ORDER BY p)
STRING_AGG(p, ',' ORDER BY p LIMIT 2)
ARRAY_AGG(i IGNORE NULLS ORDER BY id)
ANY_VALUE(s HAVING MAX id)
ANY_VALUE(s HAVING MIN id)
ANY_VALUE(s HAVING MAX r)
ANY_VALUE(i HAVING MIN ABS(id - 5))
VARIANCE(r)
VAR_POP(r)
STDDEV(r)
STDDEV_POP(q)
STDDEV_SAMP(q)
CORR(r, q)
BIT_AND(i)
BIT_OR(i)
""",
    "duckdb": """
IEEE_DIVIDE(r, q)
STRING_AGG(p, ',' ORDER BY p LIMIT 2)
""",
    "postgres": f"""
{_SAFE_CASTS.strip()}
SAFE_CAST(s AS FLOAT64)
IEEE_DIVIDE(r, q)
INITCAP(s)
FIRST_VALUE(i IGNORE NULLS) OVER (ORDER BY id DESC)
COUNT(DISTINCT i) OVER (PARTITION BY j)
STRING_AGG(p, ',' ORDER BY p LIMIT 2)
""",
    "spark": """
IEEE_DIVIDE(r, q)
CAST(r AS STRING)
CAST(q AS STRING)
INITCAP(s)
FORMAT_DATE('%j', d)
COUNT(DISTINCT i) OVER (PARTITION BY j)
STRING_AGG(p, ',' ORDER BY p LIMIT 2)
ARRAY_AGG(i IGNORE NULLS ORDER BY id)
""",
}

#: What is left as it is although it differs: capitals of letters beyond ASCII.
DIFFERENT = {"sqlite": {"UPPER(p)"}, "duckdb": {"UPPER(p)"}, "postgres": {"UPPER(p)"}}
