"""The demo benchmark keeps its promises: same bytes, disjoint splits, gold that leaves nothing to chance."""

from __future__ import annotations

import datetime
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from pipesql.benchmarks.demo import build, questions
from pipesql.benchmarks.demo.databases import MARKER, database_path, write_database
from pipesql.benchmarks.demo.sources import Source, sources
from pipesql.errors import BadInput
from pipesql.records import Question, file_digest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo")
    build(target)
    return target


@pytest.fixture(scope="module")
def asked(folder: Path) -> list[Question]:
    return questions(folder)


def rows_of(database: str, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def names_in(database: str) -> set[str]:
    """Every table and column name of a database, in lower case."""
    tables = [row[0] for row in rows_of(database, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = [row[1] for table in tables for row in rows_of(database, f'PRAGMA table_info("{table}")')]
    return {name.lower() for name in tables + columns}


# --- what makes a gold query ambiguous ------------------------------------------------------------------------


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


# --- the tests ------------------------------------------------------------------------------------------------


def test_counts(asked: list[Question]) -> None:
    per_split = {split: [q for q in asked if q.split == split] for split in ("train", "dev")}
    assert len(asked) >= 420
    assert len({q.db_id for q in asked}) >= 10
    assert len({q.db_id for q in per_split["dev"]}) >= 3
    assert len(per_split["dev"]) >= 80
    shares = {grade: n / len(asked) for grade, n in Counter(q.hardness for q in asked).items()}
    assert all(
        abs(shares[grade] - want) < 0.08
        for grade, want in {"easy": 0.35, "medium": 0.35, "hard": 0.20, "extra": 0.10}.items()
    ), shares


def test_databases_are_small_and_known_by_their_folder() -> None:
    found = list(sources())
    assert len({s.db_id for s in found}) == len(found)
    for source in found:
        rows = [len(source.read(f"{table}.csv").splitlines()) - 1 for table in source.tables]
        assert 3 <= len(rows) <= 4 and all(12 <= n <= 60 for n in rows), (source.db_id, rows)


def test_splits_are_disjoint(asked: list[Question]) -> None:
    def of(split: str, attribute: str) -> set[str]:
        return {getattr(q, attribute) for q in asked if q.split == split}

    assert {q.split for q in asked} == {"train", "dev"}
    for attribute in ("db_id", "database", "question", "gold_sql"):
        assert not of("train", attribute) & of("dev", attribute), attribute


def test_ids_and_texts_are_unique(asked: list[Question]) -> None:
    assert len({q.id for q in asked}) == len(asked)
    assert all(q.id.startswith(f"{q.db_id}-") for q in asked)
    texts = Counter((q.db_id, " ".join(q.question.lower().split())) for q in asked)
    assert [text for text, n in texts.items() if n > 1] == []


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


def test_the_data_has_what_real_data_has(folder: Path) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for source in sources():
        path = str(database_path(folder, source.db_id))
        for name in names_in(path):
            if " " in name:
                seen["a name with a space"].add(source.db_id)
            if name in {"order", "group"}:
                seen["a reserved word as a name"].add(source.db_id)
        for table in source.tables:
            values = [value for row in rows_of(path, f'SELECT * FROM "{table}"') for value in row]
            seen["NULL"] |= {source.db_id} if None in values else set()
            seen["dates as text"] |= {source.db_id} if any(is_date(v) for v in values) else set()
            seen["REAL"] |= {source.db_id} if any(isinstance(v, float) for v in values) else set()
    assert {what: len(where) for what, where in seen.items() if len(where) < 4} == {}


def is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.date.fromisoformat(value))
    except ValueError:
        return False


def test_a_second_build_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    build(tmp_path)
    for source in sources():
        first, second = (database_path(f, source.db_id) for f in (folder, tmp_path))
        assert first.read_bytes() == second.read_bytes(), source.db_id


def test_build_leaves_what_is_there_and_repairs_what_is_damaged(tmp_path: Path) -> None:
    build(tmp_path)
    kept, damaged, unmarked = (database_path(tmp_path, s.db_id) for s in list(sources())[:3])
    before, inode = file_digest(damaged), kept.stat().st_ino
    damaged.write_bytes(b"")
    unmarked.with_name(MARKER).unlink()
    build(tmp_path)
    assert kept.stat().st_ino == inode
    assert file_digest(damaged) == before
    assert unmarked.with_name(MARKER).is_file()
    assert sorted(p.name for p in kept.parent.iterdir()) == sorted([kept.name, MARKER])


def test_questions_need_built_databases(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="build the demo benchmark there first"):
        questions(tmp_path)


def test_build_into_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput, match="choose a folder that can be written"):
        build(tmp_path / "taken")


@pytest.mark.parametrize(
    ("schema", "rows", "sentence"),
    [
        ("CREATE TABLE t (a INTEGER, b TEXT);", "a,c\n1,x\n", "header"),
        ("CREATE TABLE t (a INTEGER, b TEXT);", "a,b\n1\n", "line 2: 1 fields, 2 expected"),
        ("CREATE TABLE t (a INTEGER, b TEXT NOT NULL);", "a,b\n1,\n", "line 2: NOT NULL"),
        ("CREATE TABLE u (a INTEGER);", "a,b\n1,x\n", "creates"),
        ("CREATE TABLE t (a INTEGER;", "a,b\n1,x\n", "schema.sql: "),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES t (a));", "a,b\n1,7\n", "does not hold"),
    ],
)
def test_sources_that_do_not_fit_are_refused(tmp_path: Path, schema: str, rows: str, sentence: str) -> None:
    (tmp_path / "schema.sql").write_text(schema)
    (tmp_path / "t.csv").write_text(rows)
    with pytest.raises(BadInput, match=re.escape(sentence)):
        write_database(Source("own", "train", tmp_path), tmp_path / "own.sqlite")
