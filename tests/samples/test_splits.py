"""No dev database and no dev question reaches training; what is planted there fails the build with its name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.errors import BadInput, PipesqlError
from pipesql.records import GoldenPair, Question
from pipesql.samples.leaks import normalised
from pipesql.samples.splits import split_pairs
from tests.support.pairs import golden_pair


def database(folder: Path, name: str, tables: str) -> str:
    path = folder / f"{name}.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(tables)
    return str(path)


def pair(id_: str, db_id: str, path: str, question: str, split: str = "train", gold: str = "") -> GoldenPair:
    return golden_pair(
        id=id_,
        db_id=db_id,
        database=path,
        question=question,
        gold_sql=gold or "SELECT count(*) FROM player",
        split=split,
        operators=("FROM player",),
        database_digest=db_id,
    )


@pytest.fixture
def chess(tmp_path: Path) -> str:
    return database(tmp_path, "chess", "CREATE TABLE player (id INT, elo INT); CREATE TABLE game (id INT)")


@pytest.fixture
def golf(tmp_path: Path) -> str:
    return database(tmp_path, "golf", "CREATE TABLE player (id INT, handicap REAL)")


def asked(one: GoldenPair) -> Question:
    return Question(one.id, one.db_id, one.database, one.question, one.gold_sql, one.benchmark, one.split)


def test_a_database_in_both_splits_fails_with_the_questions(chess: str) -> None:
    train, dev = pair("t1", "chess", chess, "Who?"), pair("d1", "chess", chess, "Where?", "dev")
    with pytest.raises(PipesqlError, match=r"1 databases are in train and in dev \(chess: t1 and d1\)"):
        split_pairs([train, dev])


def test_a_database_under_another_name_fails(chess: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(Path(chess).read_bytes())
    train, dev = pair("t1", "copy", str(copy), "Who?"), pair("d1", "chess", chess, "Where?", "dev")
    with pytest.raises(PipesqlError, match="copy = chess: t1 and d1"):
        split_pairs([replace(train, database_digest="chess"), dev])


def test_a_database_that_was_dumped_anew_fails_too(chess: str, tmp_path: Path) -> None:
    again = database(tmp_path, "again", "CREATE TABLE Game (ID INT); CREATE TABLE Player (Elo INT, ID INT)")
    train, dev = pair("t1", "again", again, "Who?"), pair("d1", "chess", chess, "Where?", "dev")
    with pytest.raises(PipesqlError, match="again = chess: t1 and d1"):
        split_pairs([train, dev])
    with pytest.raises(PipesqlError, match="again = chess: t1 and d1"):
        split_pairs([train], [asked(dev)])  # it gave no golden pair


def test_a_question_of_dev_under_another_id_fails(chess: str, tmp_path: Path) -> None:
    bigger = database(tmp_path, "big", "CREATE TABLE player (id INT, elo INT); CREATE TABLE more (x INT)")
    planted = pair("t9", "big", bigger, "how many PLAYERS are there")
    dev = pair("d1", "chess", chess, "How many players are there?", "dev")
    for questions in ([planted, dev], [planted]):
        with pytest.raises(PipesqlError, match="t9 has the question of d1: 'How many players are there\\?'"):
            split_pairs(questions, [asked(dev)])


def test_the_same_words_about_other_tables_are_withheld_and_reported(chess: str, golf: str) -> None:
    train = pair("t1", "golf", golf, "how many PLAYERS are there")
    kept = pair("t2", "golf", golf, "Who has the best handicap?")
    dev = pair("d1", "chess", chess, "How many players are there?", "dev")
    for pairs in ([train, kept, dev], [train, kept]):
        splits = split_pairs(pairs, [asked(dev)])
        assert [p.id for p in splits.train] == ["t2"]
        report = splits.leak_report()
        assert report["withheld"] == [
            {"id": "t1", "db_id": "golf", "question": train.question, "dev_id": "d1", "dev_db_id": "chess"}
        ]
        assert (report["withheld_from_train"], report["shared_databases"], report["shared_questions"]) == (1, 0, 0)


def test_validation_is_whole_databases_of_train(golf: str) -> None:
    sizes = {"a": 3, "b": 40, "c": 2, "d": 55}
    pairs = [pair(f"{db}{n}", db, golf, f"{db} {n}?") for db, size in sizes.items() for n in range(size)]
    splits = split_pairs(pairs, validation=0.05, seed=3)
    assert {p.db_id for p in splits.validation} == {"a", "c"}
    assert {p.split for p in splits.validation} == {"validation"}
    assert len(splits.train) == 95
    assert split_pairs(pairs, validation=0.05, seed=3) == splits
    assert split_pairs(pairs).validation == []
    with pytest.raises(
        BadInput, match=r"validation=0.01 of 100 training queries is less than one database \(the smallest has 2"
    ):
        split_pairs(pairs, validation=0.01)


def test_normalised_questions() -> None:
    assert normalised(" How many\nplayers — are there?") == normalised("how many players are there")
    assert normalised("older than 20") != normalised("older than 21")
