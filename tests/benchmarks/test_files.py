"""Your own questions and databases: what is read, how databases are split, and errors that name the line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipesql.benchmarks import Source, read
from pipesql.benchmarks.subset import split_databases
from pipesql.errors import BadInput
from pipesql.records import Question

Write = Callable[..., str]


@pytest.fixture
def databases(tmp_path: Path) -> Path:
    folder = tmp_path / "databases"
    for name in ("shop.sqlite", "zoo.db", "farm/farm.sqlite"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (a)")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*lines: dict[str, Any] | str) -> str:
        path = tmp_path / "q.jsonl"
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        return str(path)

    return write


def line(db: str, **more: Any) -> dict[str, Any]:
    return {"question": "How many?", "sql": "SELECT COUNT(*) FROM t", "db": db, **more}


def ask(file: str, databases: Path | str, seed: int = 0, report: Any = print, **more: Any) -> list[Question]:
    return read(Source("files", questions=str(file), databases=str(databases), **more), seed, report).questions


def test_lines_become_questions_about_files_of_any_place(write: Write, databases: Path) -> None:
    file = write(
        line("shop", id="a", split="dev", evidence="a is a number"),
        "",
        line("zoo", split="train"),
        line("farm", split="train"),
    )
    zoo, farm, shop = ask(file, databases)
    assert (shop.id, shop.split, shop.evidence, shop.benchmark) == ("a", "dev", "a is a number", "files")
    assert (zoo.id, zoo.split, farm.id) == ("q-3", "train", "q-4"), "the number of the line, where no id is given"
    assert [q.database for q in (zoo, farm, shop)] == [
        str(databases / name) for name in ("zoo.db", "farm/farm.sqlite", "shop.sqlite")
    ]


def test_databases_without_a_split_are_put_into_one_by_the_seed(write: Write, databases: Path) -> None:
    file = write(*(line(db) for db in ("shop", "zoo", "farm") for _ in range(3)))
    found = ask(file, databases, seed=1)
    splits = {(q.db_id, q.split) for q in found}
    assert len(splits) == 3, "all questions of one database share a split"
    assert {split for _, split in splits} == {"train", "dev"}
    assert found == ask(file, databases, seed=1)
    assert (
        len({tuple(sorted({q.db_id for q in ask(file, databases, seed=s) if q.split == "dev"})) for s in range(9)}) > 1
    )


def test_one_database_alone_is_for_training_and_that_is_said(write: Write, databases: Path) -> None:
    said: list[str] = []
    found = ask(write(line("zoo"), line("zoo")), databases, report=said.append)
    assert [q.split for q in found] == ["train", "train"]
    assert said == ["all questions are about one database (zoo), so all are in train and none in dev"]


@pytest.mark.parametrize(
    ("given", "names", "dev"),
    [
        ({}, "a", 0),
        ({}, "ab", 1),
        ({}, "abcdefghijklmnopqrst", 2),
        ({"a": "train"}, "ab", 1),
        ({"a": "dev"}, "ab", 1),
        ({"a": "dev", "b": "dev"}, "abc", 2),
        ({"a": "train", "b": "train"}, "ab", 0),
    ],
)
def test_each_split_has_a_database_where_there_are_two(given: dict[str, str], names: str, dev: int) -> None:
    for seed in range(20):
        splits = split_databases(given, names, seed)
        assert sum(split == "dev" for split in splits.values()) == dev
        assert splits.items() >= given.items()


def test_a_url_names_one_database_or_all(write: Write) -> None:
    (found,) = ask(write(line("shop")), "postgresql://me@host/shop")
    assert found.database == "postgresql://me@host/shop"
    both = ask(write(line("shop"), line("zoo")), "postgresql://me@host/{db}", missing="skip")
    assert {q.database for q in both} == {"postgresql://me@host/shop", "postgresql://me@host/zoo"}
    with pytest.raises(BadInput, match=r"q\.jsonl, line 2: the db is 'zoo', in the first line 'shop'"):
        ask(write(line("shop"), line("zoo")), "postgresql://me@host/shop")
    with pytest.raises(BadInput, match="cannot read databases at mysql://"):
        ask(write(line("shop")), "mysql://me@host/shop")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: not JSON"),
        (["[1]"], "line 1: expected a JSON object"),
        ([line("zoo"), {"question": "q", "db": "zoo"}], "line 2: the field 'sql' is missing; give it as text"),
        ([line("zoo", question=" ")], "line 1: the field 'question' is empty"),
        ([line("zoo", sql=7)], "line 1: the field 'sql' is 7, not text"),
        ([line("zoo", query="x")], "line 1: unknown field 'query'; the fields are question, sql, db, id"),
        ([line("zoo", split="test")], "line 1: the split is 'test'; write train or dev, or leave it out"),
        (
            [line("zoo", split="dev"), line("zoo", split="train")],
            "line 2: the db 'zoo' is in the split train here and in dev",
        ),
        ([line("zoo", id="a"), line("zoo", id="a")], r"line 2: the id 'a' is already used in .*line 1"),
        (
            [line("zoo"), line("lake")],
            r"line 2: the database 'lake' does not exist; put lake\.sqlite, \.db or \.duckdb into",
        ),
        ([line("../zoo")], r"line 1: the db '\.\./zoo' is not a plain name"),
        ([line("zoo", dialect="duckdb")], "line 1: the dialect is duckdb, but .* is queried in sqlite"),
        ([], "has no questions"),
    ],
)
def test_errors_name_the_line(write: Write, databases: Path, lines: list[Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        ask(write(*lines), databases)


def test_a_database_that_is_there_twice(write: Write, databases: Path) -> None:
    (databases / "zoo.duckdb").write_bytes(b"")
    with pytest.raises(BadInput, match=r"line 1: the db 'zoo' exists twice, as .*zoo\.db and .*zoo\.duckdb"):
        ask(write(line("zoo")), databases)


def test_missing_databases_may_be_skipped_and_are_counted(write: Write, databases: Path) -> None:
    file = write(line("zoo", split="train"), line("lake", split="train"), line("sea", split="dev"), line("sea"))
    found = read(Source("files", questions=str(file), databases=str(databases), missing="skip"))
    assert [q.db_id for q in found.questions] == ["zoo"]
    assert found.notes() == ["left out 1 train, 2 dev questions: 2 databases are missing (lake, sea)"]
    assert found.metrics() == {"questions/left_out_train": 1, "questions/left_out_dev": 2}
    assert found.manifest() == {"left_out": {"questions": {"train": 1, "dev": 2}, "databases": ["lake", "sea"]}}
    with pytest.raises(BadInput, match="all 1 databases are missing"):
        read(Source("files", questions=str(write(line("lake"))), databases=str(databases), missing="skip"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"benchmark": "files", "questions": "q.jsonl"}, "needs questions .* and databases"),
        ({"benchmark": "spider", "questions": "q.jsonl"}, "are for benchmark=files"),
        ({"benchmark": "files", "questions": "no.jsonl", "databases": "."}, "cannot read no.jsonl"),
        ({"benchmark": "files", "questions": "no.jsonl", "databases": "nowhere"}, "nowhere does not exist"),
        ({"benchmark": "demo", "missing": "ignore"}, "missing is 'ignore'; choose one of fail, skip"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(Source(**options))  # type: ignore[arg-type]
