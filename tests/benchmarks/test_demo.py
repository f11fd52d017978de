"""The demo benchmark keeps its promises: counts, disjoint splits, real-looking data, the same bytes every time."""

from __future__ import annotations

import datetime
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pipesql.benchmarks.demo import build, questions
from pipesql.benchmarks.demo.databases import MARKER, database_path, write_database
from pipesql.benchmarks.demo.sources import Source, sources
from pipesql.errors import BadInput
from pipesql.execution.database import Database
from pipesql.execution.sqlite import SqliteConnection
from pipesql.records import Question
from pipesql.storage import file_digest


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


def test_the_data_has_what_real_data_has(folder: Path) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for source in sources():
        path = database_path(folder, source.db_id)
        for table in Database(path).schema.tables:
            names = {table.name, *(column.name for column in table.columns)}
            with SqliteConnection(path) as db:
                values = [value for row in db.run(f'SELECT * FROM "{table.name}"').rows for value in row]
            holds = {
                "a name with a space": any(" " in name for name in names),
                "a reserved word as a name": bool(names & {"order", "group"}),
                "capital letters in names": any(name != name.lower() for name in names),
                "NULL": None in values,
                "dates as text": any(is_date(value) for value in values),
                "REAL": any(isinstance(value, float) for value in values),
            }
            for what, held in holds.items():
                seen[what] |= {source.split} if held else set()
    assert {what for what, splits in seen.items() if "train" not in splits} == set()
    assert {what for what, splits in seen.items() if "dev" not in splits} == {"capital letters in names"}


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
