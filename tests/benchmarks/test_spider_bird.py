"""Spider and BIRD folders read as their archives unpack, and each thing that can be wrong with one."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipesql.benchmarks import Source, load, read
from pipesql.errors import BadInput


def database(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (a)")


def entry(number: int, db_id: str, **more: Any) -> dict[str, Any]:
    return {"db_id": db_id, "question": f"What is {number}?", "query": f"SELECT {number}", "toks": [], **more}


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    for db_id in ("one", "two", "three"):
        database(tmp_path / "database" / db_id / f"{db_id}.sqlite")
    (tmp_path / "train_spider.json").write_text(json.dumps([entry(i, "one") for i in range(20)]))
    (tmp_path / "train_others.json").write_text(json.dumps([entry(i, "two") for i in range(10)]))
    (tmp_path / "dev.json").write_text(json.dumps([entry(i, "three") for i in range(10)]))
    return tmp_path


def test_spider_has_ids_splits_and_databases(spider: Path) -> None:
    questions = load("spider", str(spider))
    assert [q.id for q in questions[19:22]] == [
        "spider-train_spider-19",
        "spider-train_others-0",
        "spider-train_others-1",
    ]
    assert [q.split for q in questions] == ["train"] * 30 + ["dev"] * 10
    last = questions[-1]
    assert (last.question, last.gold_sql, last.db_id, last.benchmark) == ("What is 9?", "SELECT 9", "three", "spider")
    assert last.database == str(spider / "database" / "three" / "three.sqlite")


def test_a_limit_samples_each_split_by_seed_and_keeps_the_order(spider: Path) -> None:
    everything = load("spider", str(spider))
    some = load("spider", str(spider), seed=3, limit=4)
    assert [q.split for q in some] == ["train"] * 4 + ["dev"] * 4
    assert some == [q for q in everything if q in some]
    assert some == load("spider", str(spider), seed=3, limit=4)
    assert some != load("spider", str(spider), seed=4, limit=4)
    assert load("spider", str(spider), limit=1000) == everything


def test_a_relative_folder_starts_at_the_current_one(spider: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spider.parent)
    assert load("spider", spider.name)[0].database == f"{spider.name}{os.sep}database{os.sep}one{os.sep}one.sqlite"


@pytest.mark.parametrize("layout", ["archives", "side by side", "dev alone"])
def test_bird_in_its_layouts(tmp_path: Path, layout: str) -> None:
    train = [{"db_id": "a", "question": "q", "evidence": "e", "SQL": "SELECT 1"}]
    dev = [{"db_id": "b", "question": "r", "evidence": "", "SQL": "SELECT 2", "difficulty": "simple", "question_id": 0}]
    if layout == "side by side":
        places = {"train": tmp_path, "dev": tmp_path}
        databases = {"train": tmp_path / "database", "dev": tmp_path / "database"}
    else:
        places = {"train": tmp_path / "train", "dev": tmp_path / "dev_20240627"}
        databases = {name: place / f"{name}_databases" for name, place in places.items()}
    parts = {"train": train, "dev": dev} if layout != "dev alone" else {"dev": dev}
    for name, rows in parts.items():
        database(databases[name] / rows[0]["db_id"] / f"{rows[0]['db_id']}.sqlite")
        (places[name] / f"{name}.json").write_text(json.dumps(rows))
    questions = load("bird", str(tmp_path))
    assert [q.id for q in questions] == [f"bird-{name}-0" for name in parts]
    assert all(Path(q.database).is_file() for q in questions)
    assert (questions[-1].gold_sql, questions[-1].evidence, questions[-1].hardness) == ("SELECT 2", "", "simple")
    if layout != "dev alone":
        assert questions[0].evidence == "e"


def test_bird_with_some_of_its_databases(tmp_path: Path) -> None:
    rows = [{"db_id": db_id, "question": "q", "SQL": "SELECT 1"} for db_id in ("here", "gone", "far", "gone")]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    database(tmp_path / "train_databases" / "here" / "here.sqlite")
    with pytest.raises(
        BadInput, match=r"2 of the 3 databases .* are missing.* leave out their questions with missing=skip"
    ):
        load("bird", str(tmp_path))
    found = read(Source("bird", str(tmp_path), missing="skip", limit=5))
    assert [q.id for q in found.questions] == ["bird-train-0"]
    assert (found.left_out, found.missing) == ({"train": 3}, ("far", "gone"))


def test_spider_with_some_of_its_databases(spider: Path) -> None:
    (spider / "database" / "three" / "three.sqlite").unlink()
    found = read(Source("spider", str(spider), missing="skip"))
    assert (len(found.questions), found.left_out, found.missing) == (30, {"dev": 10}, ("three",))


class TestBadInput:
    def test_unknown_benchmark(self) -> None:
        with pytest.raises(BadInput, match="unknown benchmark 'sparkle'; choose one of demo, spider, bird"):
            load("sparkle")

    def test_negative_limit(self, spider: Path) -> None:
        with pytest.raises(BadInput, match="limit is -1"):
            load("spider", str(spider), limit=-1)

    @pytest.mark.parametrize("name", ["spider", "bird"])
    def test_missing_folder(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(BadInput, match="nowhere does not exist"):
            load(name, str(tmp_path / "nowhere"))

    def test_missing_questions_file(self, spider: Path) -> None:
        (spider / "train_others.json").unlink()
        with pytest.raises(BadInput, match=r"train_others\.json does not exist"):
            load("spider", str(spider))

    def test_bird_without_questions(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"no train\.json or dev\.json"):
            load("bird", str(tmp_path))

    def test_bird_without_databases(self, tmp_path: Path) -> None:
        (tmp_path / "dev.json").write_text("[]")
        with pytest.raises(BadInput, match="no folder of databases"):
            load("bird", str(tmp_path))

    def test_broken_json_names_the_line(self, spider: Path) -> None:
        (spider / "dev.json").write_text('[\n{"db_id": "one"},\n{"db_id": oops}\n]')
        with pytest.raises(BadInput, match=r"dev\.json, line 3: not JSON"):
            load("spider", str(spider))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("{}", r"dev\.json: expected a JSON array of questions, found dict"),
            ("[1]", r"dev\.json, entry 0: expected an object, found int"),
            ('[{"db_id": "one", "question": "q"}]', "entry 0: the field 'query' is missing"),
            ('[{"db_id": "one", "question": " ", "query": "SELECT 1"}]', "the field 'question' is empty"),
            ('[{"db_id": "one", "question": "q", "query": 7}]', "the field 'query' is 7, not text"),
        ],
    )
    def test_malformed_entries_are_named(self, spider: Path, content: str, said: str) -> None:
        (spider / "dev.json").write_text(content)
        with pytest.raises(BadInput, match=said):
            load("spider", str(spider))

    def test_not_utf8(self, spider: Path) -> None:
        (spider / "dev.json").write_bytes(b'["\xff"]')
        with pytest.raises(BadInput, match="not UTF-8"):
            load("spider", str(spider))

    def test_missing_database(self, spider: Path) -> None:
        (spider / "database" / "two" / "two.sqlite").unlink()
        with pytest.raises(BadInput, match=r"1 of the 3 databases .* missing, for example .*two\.sqlite"):
            load("spider", str(spider))
