"""Standard SELECTs at the start of pipe queries: their rows are Google's, on SQLite and on DuckDB."""

from __future__ import annotations

import sqlite3

import pytest

from pipesql.errors import SqlError
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from tests.support.oracles import googlesql
from tests.support.queries.pipelines import TABLES

QUERIES = """
SELECT x AS a FROM a ORDER BY a
SELECT x AS a, id FROM a ORDER BY id + a
SELECT -x AS x FROM a ORDER BY x
SELECT -x AS x FROM a ORDER BY x + 0
SELECT -x AS x FROM a ORDER BY a.x
SELECT x AS y FROM a WHERE y > 1
SELECT MOD(id, 2) AS x, COUNT(*) AS n FROM a GROUP BY x
SELECT MOD(id, 2) AS p, COUNT(*) AS n FROM a GROUP BY 1
SELECT x, COUNT(*) AS n FROM a GROUP BY x HAVING n > 1
SELECT x, MAX(id) AS id FROM a GROUP BY x HAVING id > 1
SELECT x AS y, COUNT(*) FROM a GROUP BY x HAVING y > 0
SELECT x, COUNT(*) AS n FROM a GROUP BY x ORDER BY SUM(id), x
SELECT x, ROW_NUMBER() OVER (ORDER BY x, id) AS r FROM a QUALIFY r < 4
SELECT x FROM a QUALIFY ROW_NUMBER() OVER (ORDER BY x, id) < 4 ORDER BY id + 1, x LIMIT 2
SELECT x, COUNT(*) AS n FROM a GROUP BY x QUALIFY ROW_NUMBER() OVER (ORDER BY COUNT(*), x) = 1
SELECT x, COUNT(*) AS n FROM a GROUP BY x HAVING n > 0 QUALIFY ROW_NUMBER() OVER (ORDER BY n DESC, x) < 3
SELECT DISTINCT x FROM a ORDER BY x + 1
SELECT DISTINCT x FROM a ORDER BY a.x DESC LIMIT 3
SELECT DISTINCT a.x AS p FROM a ORDER BY a.x
SELECT x FROM a UNION ALL SELECT bx FROM b ORDER BY x
SELECT x FROM a UNION ALL SELECT bx FROM b ORDER BY x + 1
SELECT x FROM a UNION ALL SELECT bx FROM b ORDER BY 1 LIMIT 2
SELECT x FROM a EXCEPT DISTINCT SELECT bx FROM b EXCEPT DISTINCT SELECT 1
SELECT x FROM a UNION ALL (SELECT bx FROM b UNION DISTINCT SELECT 1)
(SELECT x FROM a ORDER BY id, x LIMIT 3) UNION ALL (SELECT bx FROM b ORDER BY 1 LIMIT 1) |> WHERE x > 3
SELECT 1 AS o UNION ALL SELECT 2 ORDER BY o DESC
SELECT x FROM a ORDER BY x |> LIMIT 2
SELECT x FROM a ORDER BY x, id LIMIT 5 |> LIMIT 2 OFFSET 1
SELECT x FROM a ORDER BY s, id |> LIMIT 3
SELECT x AS p FROM a ORDER BY s, id |> EXTEND p + 1 AS q |> LIMIT 3
SELECT x FROM a ORDER BY id, x LIMIT 4 |> WHERE x > 1
SELECT x, COUNT(*) AS n FROM a GROUP BY x |> WHERE n > 1 |> SELECT n
SELECT x, COUNT(*) AS n FROM a GROUP BY x |> AGGREGATE SUM(n) AS n
SELECT COUNT(*) AS n FROM a |> WHERE n > 100
SELECT DISTINCT x FROM a |> AGGREGATE COUNT(*) AS n
SELECT x, 5 AS five FROM a |> JOIN b ON bx = x |> SELECT x, t
SELECT * FROM a |> AS k |> JOIN b ON b.bx = k.x |> SELECT k.id, b.bid
SELECT * FROM a JOIN b ON a.x = b.bx |> AGGREGATE COUNT(*) AS n GROUP BY t
SELECT *, x + 1 AS z FROM a
SELECT * EXCEPT (x) FROM a
SELECT a.x, b.* FROM a JOIN b ON a.x = b.bx
SELECT id FROM a JOIN e USING (id)
SELECT a.id, e.id FROM a FULL JOIN e USING (id)
SELECT * FROM a FULL JOIN e USING (id)
SELECT id, e.ex FROM a LEFT JOIN e USING (id) WHERE ex IS NULL
SELECT id FROM a, b WHERE x = bx
SELECT id, bx, u FROM a, b JOIN c ON b.bid = c.cid WHERE x = bx
SELECT k.x, j.x FROM a AS k JOIN a AS j ON k.id = j.id + 1
SELECT x + 1, SUM(id) FROM a GROUP BY x
SELECT x + 1, SUM(id) FROM a GROUP BY x + 1 ORDER BY x + 1
SELECT 'k' AS k, x, COUNT(*) FROM a GROUP BY 1, 2
SELECT MAX(id) AS p FROM a GROUP BY x ORDER BY MAX(x)
SELECT SUM(COUNT(*)) OVER () AS t, x FROM a GROUP BY x
SELECT DISTINCT x, COUNT(*) OVER (PARTITION BY x) AS c FROM a ORDER BY c, x
SELECT id, (SELECT MAX(bx) FROM b WHERE b.bx = a.x) AS m FROM a
SELECT x, (SELECT MAX(bx) FROM b WHERE b.bx = a.x) AS m FROM a GROUP BY x
SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE bx = x) ORDER BY id
SELECT id FROM a WHERE EXISTS (FROM b |> WHERE bx = x) ORDER BY id
SELECT q.x FROM (FROM a |> WHERE x > 1) AS q WHERE q.x < 10
SELECT x FROM (SELECT x, id FROM a ORDER BY id, x LIMIT 3) WHERE x > 1
WITH q AS (SELECT x FROM a WHERE x > 1) SELECT x FROM q |> WHERE x < 9
WITH q AS (SELECT x FROM a WHERE x > 1) FROM q |> JOIN (SELECT bx FROM b) AS k ON k.bx = q.x |> SELECT x
FROM a |> WHERE id IN (SELECT bx FROM b WHERE x = bx) |> SELECT id
FROM a |> WHERE id IN (SELECT id FROM b) |> SELECT id
FROM a |> WHERE id = (SELECT MIN(id) FROM a AS i WHERE i.x = a.x) |> SELECT id
FROM a |> WHERE id = (SELECT MIN(a.id) FROM a WHERE a.x > 3) |> SELECT id
FROM a |> WHERE x > (SELECT 5) |> SELECT id
FROM a |> EXTEND (SELECT COUNT(*) FROM b WHERE bx = x AND bid < id) AS n |> SELECT id, n
FROM a |> WHERE EXISTS (SELECT 1 FROM b AS a2 JOIN c ON a2.bid = c.cid WHERE a2.bx = x) |> SELECT id
FROM a |> AGGREGATE COUNT(*) AS n GROUP BY x |> WHERE n > (SELECT AVG(k) FROM (SELECT COUNT(*) AS k FROM b GROUP BY bx))
FROM a |> SELECT x |> UNION ALL (SELECT bx FROM b WHERE bx > 5)
FROM a |> SELECT x |> EXCEPT DISTINCT (SELECT bx FROM b UNION ALL SELECT cid FROM c)
FROM a |> WHERE x IN (SELECT bx FROM b UNION ALL SELECT cid FROM c) |> SELECT id
SELECT x FROM a LIMIT 0 |> AGGREGATE COUNT(*) AS n
SELECT x, SUM(id) OVER w AS t FROM a WINDOW w AS (PARTITION BY x)
SELECT id, SUM(id) OVER (w ROWS 1 PRECEDING) AS t FROM a WINDOW w AS (ORDER BY id, y) ORDER BY id, t
SELECT x FROM a QUALIFY ROW_NUMBER() OVER w = 1 WINDOW w AS (ORDER BY id DESC)
SELECT id, x FROM a GROUP BY ALL
SELECT MOD(id, 2) AS p, x, COUNT(*) AS n FROM a GROUP BY ALL ORDER BY n, p, x
SELECT COUNT(*) AS n FROM a WHERE x > 100 GROUP BY ()
SELECT id, t, u FROM a JOIN (b JOIN c ON bid = cid) ON id = bid
SELECT id, t FROM (a JOIN b ON x = bx) WHERE id > 1
SELECT x FROM a UNION ALL BY NAME SELECT bx AS x FROM b
SELECT x, id FROM a FULL UNION ALL BY NAME SELECT bx AS x FROM b
SELECT x FROM a INTERSECT ALL SELECT bx FROM b
"""

REFUSED = """
SELECT x AS a FROM a ORDER BY a.id
SELECT MOD(id, 2) AS p, COUNT(*) AS n FROM a GROUP BY p + 0
SELECT x, MAX(id) AS id FROM a GROUP BY x HAVING MAX(id) > 3
SELECT x AS p FROM a WHERE p > 1
SELECT x AS p FROM a HAVING p > 1
SELECT 1 AS o FROM a HAVING COUNT(*) > 1
SELECT x AS p, p + 1 AS q FROM a
SELECT x, COUNT(*) AS n FROM a GROUP BY x ORDER BY id
SELECT DISTINCT x FROM a ORDER BY id
SELECT x FROM a UNION ALL SELECT bx FROM b ORDER BY a.x
SELECT x FROM a |> WHERE a.x > 1
SELECT x, (SELECT MAX(bx) FROM b WHERE b.bx = a.id) AS m FROM a GROUP BY x
SELECT (x + 1) * 2, SUM(id) FROM a GROUP BY x + 1
SELECT *, COUNT(*) FROM a
SELECT x + 1, SUM(id) FROM a GROUP BY x + 1 HAVING x + 1 > 2
SELECT x, COUNT(*) FROM a GROUP BY 'k', x
SELECT x, id AS x FROM a ORDER BY x
SELECT 1 WHERE TRUE
SELECT 1 AS o ORDER BY o
SELECT SUM(x) OVER (), COUNT(*) FROM a
SELECT x, SUM(id) OVER (ORDER BY y) AS t FROM a ORDER BY SUM(t) OVER ()
SELECT x FROM a GROUP BY 2
SELECT x FROM a ORDER BY 2
SELECT nothing FROM a
SELECT x FROM nothing
SELECT x FROM a UNION ALL SELECT bx, bid FROM b
SELECT x, x FROM a |> SELECT x
SELECT x FROM a WHERE COUNT(*) > 1
SELECT x FROM a GROUP BY COUNT(*)
SELECT x FROM a WHERE ROW_NUMBER() OVER () > 1
"""

NOT_YET = """
SELECT AS STRUCT x, 5 FROM a |> LIMIT 1
SELECT x AS p FROM a AS k(x)
SELECT x, COUNT(*) AS n FROM a GROUP BY ROLLUP(x)
SELECT 'k' AS k, COUNT(*) FROM a GROUP BY k
SELECT x, COUNT(*) AS n FROM a GROUP BY x HAVING EXISTS (SELECT 1 FROM b WHERE bx = n)
SELECT x FROM a TABLESAMPLE SYSTEM (10 PERCENT)
FROM a AS k(x) |> SELECT x
"""


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("blocks") / "tables.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


@pytest.fixture(scope="module")
def google(tables) -> googlesql.Executor:
    return googlesql.executor(tables)


@pytest.fixture(scope="module", params=["sqlite", "duckdb"])
def engine(request, tables):
    if request.param == "sqlite":
        connection = sqlite3.connect(tables)
    else:
        duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'pipesql[train]'")
        connection = duckdb.connect()
        connection.execute(TABLES)
    yield request.param, lambda sql: connection.execute(sql).fetchall()
    connection.close()


@pytest.mark.parametrize("text", _lines(QUERIES))
def test_rows_are_googles(text, google, engine, tables) -> None:
    dialect, run = engine
    query, schema = parse(text), Database(tables).schema
    sql = lower(query, schema, dialect)
    found, expected = run(sql), google.run(text)
    if not resolve(query, schema)[-1].ordered:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert found == expected, sql


@pytest.mark.parametrize("text", _lines(REFUSED))
def test_what_google_refuses_is_refused(text, google, tables) -> None:
    with pytest.raises(googlesql.GoogleSqlError):
        google.run(text)
    with pytest.raises(SqlError):
        lower(parse(text), Database(tables).schema)


@pytest.mark.parametrize("text", _lines(NOT_YET))
def test_what_is_not_lowered_is_refused_by_name(text, tables) -> None:
    with pytest.raises(SqlError) as error:
        lower(parse(text), Database(tables).schema)
    assert "\n" not in str(error.value)
