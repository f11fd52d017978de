"""Operators to be put one behind another in every order: each writes itself for the columns that it finds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

TABLES = """
    CREATE TABLE a (id INTEGER, x INTEGER, y REAL, s TEXT);
    CREATE TABLE b (bid INTEGER, bx INTEGER, t TEXT);
    CREATE TABLE c (cid INTEGER, u TEXT);
    CREATE TABLE e (id INTEGER, ex INTEGER);
    INSERT INTO a VALUES (1, 10, 1.5, 'one'), (2, 10, 2.5, 'Two'), (3, NULL, 0.5, NULL), (3, NULL, 0.5, NULL),
        (4, -7, NULL, 'a|>b'), (5, 3, 9.25, 'one'), (NULL, 2, 4.0, '');
    INSERT INTO b VALUES (1, 10, 'one'), (1, 20, 'q'), (2, NULL, 'one'), (6, 3, NULL), (3, 10, 'r'), (3, 10, 'r'),
        (NULL, 2, 'Two');
    INSERT INTO c VALUES (3, 'one'), (3, NULL), (10, 'q'), (NULL, 'z');
    INSERT INTO e VALUES (1, 1), (3, 2), (3, NULL), (7, 4), (NULL, 5);
"""

INT, REAL, TEXT = "int", "real", "text"


@dataclass
class Table:
    """The columns so far (name and type), the joined tables, and a source of new names."""

    columns: list[tuple[str, str]] = field(default_factory=lambda: [("id", INT), ("x", INT), ("y", REAL), ("s", TEXT)])
    joined: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new(self, kind: str) -> str:
        """A fresh column name, which is added."""
        name = f"n{next(self.numbers)}"
        self.columns.append((name, kind))
        return name

    def one(self, kind: str) -> str:
        """The last column of that type, or a constant."""
        found = [n for n, k in self.columns if k == kind]
        return found[-1] if found else {INT: "7", TEXT: "'k'", REAL: "0.5"}[kind]

    def all(self) -> str:
        return ", ".join(n for n, _ in self.columns)


def _extend(expression: str, kind: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        value = expression.format(int=t.one(INT), text=t.one(TEXT))
        return f"EXTEND {value} AS {t.new(kind)}"

    return write


def _where(condition: str) -> Callable[[Table], str]:
    return lambda t: "WHERE " + condition.format(int=t.one(INT), text=t.one(TEXT))


def _set(t: Table) -> str:
    name = next((n for n, k in t.columns if k == INT), "")
    return f"SET {name} = {name} * 2 + 1" if name else "WHERE TRUE"


def _drop(t: Table) -> str:
    if len(t.columns) == 1:
        return "WHERE TRUE"
    name, _ = t.columns.pop(0)
    return f"DROP {name}"


def _rename(t: Table) -> str:
    name, kind = t.columns.pop(0)
    rest = t.columns[:]
    text = f"RENAME {name} AS {t.new(kind)}"
    t.columns[:] = [t.columns[-1], *rest]
    return text


def _reversed(t: Table) -> str:
    t.columns.reverse()
    return f"SELECT {t.all()}"


def _swapped(t: Table) -> str:
    ints = [n for n, k in t.columns if k == INT]
    if len(ints) < 2:
        return "WHERE TRUE"
    text = f"SELECT {ints[0]} AS {ints[1]}, {ints[1]} AS {ints[0]}, {t.one(TEXT)} AS w"
    t.columns[:] = [(ints[1], INT), (ints[0], INT), ("w", TEXT)]
    return text


def _computed(t: Table) -> str:
    old, text = t.one(INT), t.one(TEXT)
    t.columns.clear()
    first = t.new(INT)
    t.columns.append((first[1:] and f"w{first[1:]}", TEXT))
    return f"SELECT {old} - 1 AS {first}, {text} AS {t.columns[-1][0]}"


def _distinct_select(t: Table) -> str:
    old = t.one(INT)
    t.columns.clear()
    return f"SELECT DISTINCT {old} AS {t.new(INT)}"


def _distinct_window(t: Table) -> str:
    old = t.one(INT)
    t.columns.clear()
    return f"SELECT DISTINCT {old} AS {t.new(INT)}, COUNT(*) OVER (PARTITION BY {old}) AS {t.new(INT)}"


def _grouped(t: Table) -> str:
    key, value = t.one(TEXT), t.one(INT)
    t.columns.clear()
    name = t.new(TEXT)
    return f"AGGREGATE COUNT(*) AS {t.new(INT)}, MAX({value}) AS {t.new(INT)} GROUP BY {key} AS {name}"


def _keys(t: Table) -> str:
    old, text = t.one(INT), t.one(TEXT)
    t.columns.clear()
    return f"AGGREGATE GROUP BY {old} + 1 AS {t.new(INT)}, {text} AS {t.new(TEXT)}"


def _whole(t: Table) -> str:
    old = t.one(INT)
    t.columns.clear()
    return f"AGGREGATE COUNT(*) AS {t.new(INT)}, SUM({old}) AS {t.new(INT)}, COUNT(DISTINCT {old}) AS {t.new(INT)}"


def _any(t: Table) -> str:
    t.columns.clear()
    return f"AGGREGATE ANY_VALUE(5) AS {t.new(INT)}"


def _sorted(tail: str = "", first: str = "") -> Callable[[Table], str]:
    def write(t: Table) -> str:
        keys = [f"{n} DESC" if i % 2 == 0 else n for i, (n, _) in enumerate(t.columns)]
        if first and any(k == INT for _, k in t.columns):
            keys.insert(0, first.format(int=t.one(INT)))
        return f"ORDER BY {', '.join(keys)}{tail}"

    return write


def _combined(operation: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        values = {INT: "id", TEXT: "s", REAL: "y"}
        shown = ", ".join(values[k] for _, k in t.columns)
        return f"{operation} (FROM a |> WHERE id > 1 |> SELECT {shown})"

    return write


def _joined(kind: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        t.joined += 1
        left = t.one(INT)
        if t.joined > 2:
            return "WHERE TRUE"
        table, key, columns = [
            ("b", "bid", [("bid", INT), ("bx", INT), ("t", TEXT)]),
            ("c", "cid", [("cid", INT), ("u", TEXT)]),
        ][t.joined - 1]
        t.columns.extend(columns)
        return f"CROSS JOIN {table}" if kind == "CROSS" else f"{kind} JOIN {table} ON {left} = {key}"

    return write


def _using(kind: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        names = [n for n, _ in t.columns]
        if names.count("id") != 1 or "ex" in names:
            return "WHERE TRUE"
        t.columns[:] = [("id", INT), *(c for c in t.columns if c[0] != "id"), ("ex", INT)]
        return f"{kind} JOIN e USING (id)"

    return write


def _if_any(*kinds: str) -> Callable[[Callable[[Table], str]], Callable[[Table], str]]:
    """Only where there are columns of these types: elsewhere nothing happens."""

    def wrap(write: Callable[[Table], str]) -> Callable[[Table], str]:
        def written(t: Table) -> str:
            found = [k for _, k in t.columns]
            enough = all(found.count(k) >= kinds.count(k) for k in kinds)
            return write(t) if enough else "WHERE TRUE"

        return written

    return wrap


def _group_and_order(t: Table) -> str:
    text, value = t.one(TEXT), t.one(INT)
    t.columns.clear()
    keys = f"{text} AS {t.new(TEXT)} DESC, {value} AS {t.new(INT)}"
    return f"AGGREGATE COUNT(*) AS {t.new(INT)} GROUP AND ORDER BY {keys}"


def _suffixes(t: Table) -> str:
    text, value = t.one(TEXT), t.one(INT)
    t.columns.clear()
    key = t.new(TEXT)
    items = f"MAX({value}) AS {t.new(INT)} ASC, COUNT(*) AS {t.new(INT)}"
    return f"AGGREGATE {items} GROUP BY {text} AS {key} ASC NULLS LAST"


def _groupings(spelling: str, items: str) -> Callable[[Table], str]:
    @_if_any(INT, TEXT)
    def write(t: Table) -> str:
        number, text = t.one(INT), t.one(TEXT)
        t.columns[:] = [(text, TEXT), (number, INT)]
        shown = f"{items.format(int=number, text=text)} AS {t.new(INT)}"
        sets = spelling.format(int=number, text=text)
        return f"AGGREGATE {shown}, COUNT(*) AS {t.new(INT)} GROUP BY {sets}"

    return write


@_if_any(INT)
def _replaced(t: Table) -> str:
    name = t.one(INT)
    return f"SELECT * REPLACE ({name} * 3 AS {name})"


def _windows(head: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        number, text = t.one(INT), t.one(TEXT)
        if head == "SELECT":
            t.columns.clear()
        shown = f"{number} AS {t.new(INT)}, COUNT(*) OVER w AS {t.new(INT)}"
        last = f"SUM({number}) OVER (v RANGE UNBOUNDED PRECEDING) AS {t.new(INT)}"
        return f"{head} {shown}, {last} WINDOW w AS (PARTITION BY {text}), v AS (w ORDER BY {number})"

    return write


def _window(t: Table) -> str:
    number = t.one(INT)
    return f"WINDOW RANK() OVER (ORDER BY {number}) AS {t.new(INT)}"


def _with(cte: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        number = t.one(INT)
        alias, key, text = f"j{next(t.numbers)}", t.new(INT), t.new(TEXT)
        body = f"FROM b |> WHERE bid > 1 |> SELECT bid AS {key}, t AS {text}"
        if cte == "b":  # takes the place of the table that it reads
            body = "FROM b |> WHERE bid > 1"
            joined = f"(FROM b |> SELECT bid AS {key}, t AS {text}) AS {alias}"
        else:
            joined = f"{cte} AS {alias}"
        return f"WITH {cte} AS ({body})\n|> LEFT JOIN {joined} ON {number} = {key}"

    return write


def _recursive_cte(t: Table) -> str:
    number, key = t.one(INT), t.new(INT)
    body = f"SELECT 1 AS {key} |> UNION ALL (FROM r |> WHERE {key} < 4 |> SELECT {key} + 1)"
    return f"WITH RECURSIVE r AS ({body})\n|> JOIN r AS j{next(t.numbers)} ON {number} = {key}"


@_if_any(INT)
def _recursive(t: Table) -> str:
    name = t.one(INT)
    return f"RECURSIVE UNION ALL (|> WHERE {name} BETWEEN 0 AND 3 |> SET {name} = {name} + 1)"


@_if_any(INT)
def _recursive_named(t: Table) -> str:
    name, alias = t.one(INT), f"r{next(t.numbers)}"
    step = f"FROM {alias} |> WHERE {name} BETWEEN 0 AND 9 |> SET {name} = {name} + 2"
    return f"RECURSIVE UNION DISTINCT ({step}) AS {alias}\n|> WHERE {alias}.{name} < 8"


def _by_name(operation: str, shape: str) -> Callable[[Table], str]:
    """The names of the other query are the same in another order, fewer, or fewer and one more."""

    def write(t: Table) -> str:
        values = {INT: "id", TEXT: "s", REAL: "y"}
        shown = [f"{values[k]} AS {n}" for n, k in reversed(t.columns)]
        if shape != "same" and len(shown) > 1:
            shown.pop()
            if operation.startswith(("INNER", "UNION", "EXCEPT", "INTERSECT")):
                t.columns.pop(0)
        if shape == "more":
            name = f"n{next(t.numbers)}"
            shown.append(f"x AS {name}")
            if operation.startswith("FULL"):
                t.columns.append((name, INT))
        return f"{operation} (FROM a |> WHERE id > 1 |> SELECT {', '.join(shown)})"

    return write


def _several(operation: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        values = {INT: "id", TEXT: "s", REAL: "y"}
        first = ", ".join(values[k] for _, k in t.columns)
        values[INT] = "x"
        second = ", ".join(values[k] for _, k in t.columns)
        return f"{operation} (FROM a |> WHERE id > 1 |> SELECT {first}), (FROM a |> SELECT {second})"

    return write


@_if_any(INT, TEXT)
def _pivot(t: Table) -> str:
    number, text = t.one(INT), t.one(TEXT)
    first, second = f"n{next(t.numbers)}", f"n{next(t.numbers)}"
    t.columns[:] = [c for c in t.columns if c[0] not in (number, text)]
    t.columns += [(f"{p}_{v}", INT) for v in ("one", "two", "NULL") for p in (first, second)]
    values = "'one', 'Two' AS two, NULL"
    return f"PIVOT (COUNT(*) AS {first}, MAX({number}) AS {second} FOR {text} IN ({values}))"


@_if_any(INT)
def _pivot_number(t: Table) -> str:
    number = t.one(INT)
    name = f"n{next(t.numbers)}"
    t.columns[:] = [c for c in t.columns if c[0] != number]
    t.columns += [(f"{name}_{v}", INT) for v in ("1", "3", "minus_7")]
    return f"PIVOT (COUNT(*) AS {name} FOR {number} IN (1, 3, -7)) AS z{name}"


def _unpivot(nulls: str) -> Callable[[Table], str]:
    @_if_any(INT, INT)
    def write(t: Table) -> str:
        names = [n for n, k in t.columns if k == INT][:2]
        t.columns[:] = [c for c in t.columns if c[0] not in names]
        labels = f"{names[0]}, {names[1]} AS 'second'"
        return f"UNPIVOT {nulls}({t.new(INT)} FOR {t.new(TEXT)} IN ({labels}))"

    return write


def _if(t: Table) -> str:
    return f"IF FALSE THEN (|> LIMIT 1) ELSE (|> WHERE {t.one(INT)} > 1 |> DISTINCT)"


def _joined_query(alias: str) -> Callable[[Table], str]:
    def write(t: Table) -> str:
        number = t.one(INT)
        name = alias and f"{alias}{next(t.numbers)}"
        key, text = t.new(INT), t.new(TEXT)
        query = f"FROM b |> WHERE bid > 1 |> SELECT bid AS {key}, t AS {text}"
        return f"JOIN ({query}){name and ' AS '}{name} ON {number} = {key}"

    return write


OPERATORS: dict[str, Callable[[Table], str]] = {
    "where": _where("{int} > 1 OR {text} IS NULL"),
    "where_first": lambda t: f"WHERE {t.columns[0][0]} IS NOT NULL",
    "where_in": _where("{int} IN (FROM b |> SELECT bid)"),
    "where_exists": _where("EXISTS (FROM b |> WHERE bid = {int} |> LIMIT 1)"),
    "where_window": _where("COUNT(*) OVER (PARTITION BY {int}) > 1"),
    "extend": _extend("{int} + 1", INT),
    "extend_text": _extend("UPPER({text})", TEXT),
    "extend_window": _extend("COUNT(*) OVER (PARTITION BY {int})", INT),
    "extend_running": _extend("SUM({int}) OVER (ORDER BY {int})", INT),
    "extend_query": _extend("(FROM b |> WHERE bid = {int} |> AGGREGATE COUNT(*) AS q)", INT),
    "set": _set,
    "drop": _drop,
    "rename": _rename,
    "select": _reversed,
    "select_swapped": _swapped,
    "select_computed": _computed,
    "select_distinct": _distinct_select,
    "select_distinct_window": _distinct_window,
    "aggregate": _grouped,
    "aggregate_keys": _keys,
    "aggregate_all": _whole,
    "aggregate_any": _any,
    "order": _sorted(),
    "order_computed": _sorted(first="{int} * {int}"),
    "order_window": _sorted(first="COUNT(*) OVER (PARTITION BY {int})"),
    "order_limit": _sorted("\n|> LIMIT 3"),
    "order_limit_offset": _sorted("\n|> LIMIT 2 OFFSET 1", first="{int} * {int}"),
    "limit_limit": _sorted("\n|> LIMIT 5 OFFSET 1\n|> LIMIT 2 OFFSET 1"),
    "distinct": lambda t: "DISTINCT",
    "union_all": _combined("UNION ALL"),
    "union": _combined("UNION DISTINCT"),
    "intersect": _combined("INTERSECT DISTINCT"),
    "except": _combined("EXCEPT DISTINCT"),
    "as": lambda t: "AS z",
    "join": _joined("INNER"),
    "left_join": _joined("LEFT"),
    "right_join": _joined("RIGHT"),
    "full_join": _joined("FULL"),
    "cross_join": _joined("CROSS"),
    "using": _using("INNER"),
    "left_using": _using("LEFT"),
    "right_using": _using("RIGHT"),
    "full_using": _using("FULL"),
    "group_and_order": _group_and_order,
    "aggregate_suffixes": _suffixes,
    "rollup": _groupings("ROLLUP({text}, {int})", "SUM({int})"),
    "cube": _groupings("CUBE({text}, {int})", "GROUPING({int})"),
    "grouping_sets": _groupings("GROUPING SETS ({text}, ({int}, {text}), {int})", "MAX({int})"),
    "select_replace": _replaced,
    "select_windows": _windows("SELECT"),
    "extend_windows": _windows("EXTEND"),
    "window": _window,
    "with": _with("w"),
    "with_shadow": _with("b"),
    "with_recursive": _recursive_cte,
    "recursive_union": _recursive,
    "recursive_union_named": _recursive_named,
    "union_by_name": _by_name("UNION ALL BY NAME", "same"),
    "union_corresponding": _by_name("UNION DISTINCT CORRESPONDING", "more"),
    "left_union": _by_name("LEFT UNION ALL BY NAME", "more"),
    "full_union": _by_name("FULL UNION ALL CORRESPONDING", "more"),
    "inner_except": _by_name("INNER EXCEPT DISTINCT BY NAME", "fewer"),
    "union_several": _several("UNION ALL"),
    "except_several": _several("EXCEPT DISTINCT"),
    "intersect_all": _combined("INTERSECT ALL"),
    "except_all": _several("EXCEPT ALL"),
    "pivot": _pivot,
    "pivot_number": _pivot_number,
    "unpivot": _unpivot(""),
    "unpivot_nulls": _unpivot("INCLUDE NULLS "),
    "if": _if,
    "join_query": _joined_query("j"),
    "join_unnamed_query": _joined_query(""),
    "assert": lambda t: f"ASSERT {t.one(INT)} IS NULL OR {t.one(INT)} > -1000000, 'too small'",
    "sample": lambda t: "TABLESAMPLE RESERVOIR (1000000 ROWS)",
}

STARTS: tuple[str, ...] = (
    "FROM a",
    "(FROM a |> WHERE id > 1) AS a",
    "(FROM a |> ORDER BY id, x, y, s |> LIMIT 4)",
    "FROM (FROM a |> SELECT *) AS q",
    "WITH a AS (FROM a |> WHERE x IS NOT NULL) FROM a",
    "SELECT 3 AS id, 10 AS x, 0.5 AS y, 'one' AS s",
    "FROM a JOIN c ON id = cid |> SELECT id, x, y, s",
    "FROM a, e |> WHERE a.id = e.id |> SELECT a.*",
    "FROM (a LEFT JOIN e USING (id)) |> SELECT id, x, y, s",
    "FROM c RIGHT JOIN (a JOIN e USING (id)) ON id = cid |> SELECT a.*",
)
"""What a query may start with; each gives the columns of `a`."""


def pipeline(*names: str, start: str = "FROM a") -> str:
    """The operators of these names behind a start."""
    table = Table()
    return "\n".join([start, *(f"|> {OPERATORS[name](table)}" for name in names)])
