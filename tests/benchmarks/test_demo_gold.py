"""The demo's gold SQL: it executes read-only, it answers, and nothing in it is left to chance or to SQLite's quirks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp

from pipesql.benchmarks.demo.databases import database_path
from pipesql.execution.database import Database
from pipesql.execution.sqlite import SqliteConnection
from pipesql.records import Question


def rows_of(database: str | Path, sql: str) -> list[tuple[object, ...]]:
    with SqliteConnection(database) as db:
        return db.run(sql).rows


def names_in(database: str) -> set[str]:
    """Every table and column name of a database, in lower case."""
    tables = Database(database).schema.tables
    return {name.lower() for table in tables for name in (table.name, *(column.name for column in table.columns))}


def own_nodes(node: exp.Expression) -> Iterator[exp.Expression]:
    """The node and what is below it, without entering subqueries."""
    if isinstance(node, exp.Query):
        return
    yield node
    for child in node.iter_expressions():
        yield from own_nodes(child)


def is_aggregate(node: exp.Expression) -> bool:
    """An aggregate that collapses rows: not one with a window behind it."""
    return isinstance(node, exp.AggFunc) and not isinstance(node.parent, exp.Window)


def bare_columns(select: exp.Select) -> list[str]:
    """Columns of an aggregating SELECT that stand outside of every aggregate and are not grouped by."""
    group = select.args.get("group")
    keys = list(group.expressions) if group else []
    clauses = [select.args[clause] for clause in ("having", "order") if select.args.get(clause)]
    outputs = [*select.expressions, *clauses]
    if not keys and not any(is_aggregate(node) for output in outputs for node in own_nodes(output)):
        return []
    known = {key.name.lower() for key in keys if isinstance(key, exp.Column)}
    known |= {p.alias.lower() for p in select.expressions if isinstance(p, exp.Alias)}

    def visit(node: exp.Expression) -> Iterator[str]:
        if isinstance(node, exp.Query) or node in keys or is_aggregate(node):
            return
        if isinstance(node, exp.Column) and node.name.lower() not in known:
            yield node.sql()
        for child in node.iter_expressions():
            yield from visit(child)

    return [column for output in outputs for column in visit(output)]


def tie_at_cut(database: str, query: exp.Query) -> str | None:
    """Why the rows that a LIMIT keeps are not decided by its ORDER BY, or None where they are."""
    order, limit = query.args.get("order"), query.args.get("limit")
    if order is None:
        return "LIMIT without ORDER BY"
    wide = query.copy()
    keys = [ordered.this for ordered in wide.args["order"].expressions]
    if isinstance(wide, exp.Select):
        by_alias = {p.alias.lower(): p.this for p in wide.expressions if isinstance(p, exp.Alias)}
        keys = [by_alias.get(k.name.lower(), k) if isinstance(k, exp.Column) and not k.table else k for k in keys]
        wide.select(*[exp.alias_(key.copy(), f"key_{i}") for i, key in enumerate(keys)], append=True, copy=False)
        key_names = [f"key_{i}" for i in range(len(keys))]
    else:
        key_names = [key.name for key in keys]
    offset = int(wide.args["offset"].expression.name) if wide.args.get("offset") else 0
    kept = offset + int(limit.expression.name)
    wide.set("limit", exp.Limit(expression=exp.Literal.number(kept + 1)))
    wide.set("offset", None)
    got = rows_of(database, f"SELECT {', '.join(key_names)} FROM ({wide.sql('sqlite')})")
    for cut in {offset, kept} - {0}:
        if len(got) > cut and got[cut - 1] == got[cut]:
            return f"tie at the cut after row {cut}: {got[cut]}"
    return None


def strings_not_asked_for(question: str, tree: exp.Expression) -> list[str]:
    """String literals of the gold, other than dates, that the question does not spell: nobody could guess them."""
    values = [literal.name.strip("%_ ") for literal in tree.find_all(exp.Literal) if literal.is_string]
    return [v for v in values if not re.fullmatch(r"[\d-]*", v) and v.lower() not in question.lower()]


def problems(question: Question) -> list[str]:
    """Everything that is wrong with a gold query, in words."""
    tree = sqlglot.parse_one(question.gold_sql, dialect="sqlite")
    known = names_in(question.database) | {a.alias.lower() for a in tree.find_all(exp.Alias, exp.TableAlias)}
    quoted = [name for name in tree.find_all(exp.Identifier) if name.args.get("quoted")]
    limited = [query for query in tree.find_all(exp.Query) if query.args.get("limit")]
    return [
        *[f"bare columns {bare}" for select in tree.find_all(exp.Select) if (bare := bare_columns(select))],
        *[why for query in limited if (why := tie_at_cut(question.database, query))],
        *[f"{name.sql()} is a string to SQLite" for name in quoted if name.name.lower() not in known],
        *[f"the question does not say '{value}'" for value in strings_not_asked_for(question.question, tree)],
    ]


def answers_something(rows: list[tuple[object, ...]]) -> bool:
    return any(value is not None for row in rows for value in row)


def test_every_gold_executes_and_nearly_all_answer(asked: list[Question]) -> None:
    empty = [q.id for q in asked if not answers_something(rows_of(q.database, q.gold_sql))]
    assert len(empty) <= 0.1 * len(asked), empty


def test_no_gold_depends_on_chance_or_on_sqlite_quirks(asked: list[Question]) -> None:
    wrong = {q.id: found for q in asked if (found := problems(q))}
    assert wrong == {}


def test_the_checks_see_what_they_look_for(folder: Path) -> None:
    def found(question: str, sql: str) -> str:
        path = str(database_path(folder, "library"))
        return "; ".join(problems(Question("x-1", "library", path, question, sql, "demo", "train")))

    assert "bare columns" in found("", "SELECT title, MAX(pages) FROM books")
    assert "bare columns" in found("", "SELECT genre, author, COUNT(*) FROM books GROUP BY genre")
    assert found("", "SELECT genre, COUNT(*) AS n FROM books GROUP BY genre ORDER BY n") == ""
    assert "tie at the cut" in found("", "SELECT name FROM members ORDER BY joined LIMIT 2")
    assert "without ORDER BY" in found("", "SELECT name FROM members LIMIT 1")
    assert "is a string" in found("", 'SELECT name FROM members WHERE city = "Leeds"')
    assert found("", 'SELECT "shelf mark" FROM books') == ""
    assert "does not say" in found("Who lives here?", "SELECT name FROM members WHERE city = 'Leeds'")
