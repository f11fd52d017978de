"""The data step on a benchmark into whose training part something of dev was planted: it fails with the names."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from steps.data import main

TABLES = {
    "shop": "CREATE TABLE item (id INTEGER PRIMARY KEY, price REAL); INSERT INTO item VALUES (1, 2.5), (2, 4)",
    "club": "CREATE TABLE member (id INTEGER PRIMARY KEY, age INT); INSERT INTO member VALUES (1, 30), (2, 40)",
}
DEV = {
    "db_id": "club",
    "question": "How many members are over 35?",
    "query": "SELECT count(*) FROM member WHERE age > 35",
}


def make(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


def database_of(folder: Path, db_id: str) -> Path:
    return folder / "database" / db_id / f"{db_id}.sqlite"


@pytest.fixture
def spider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.getbasetemp() / "planted.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "spider"
    for db_id, script in TABLES.items():
        make(database_of(folder, db_id), script)
    train = [{"db_id": "shop", "question": "How many items are there?", "query": "SELECT count(*) FROM item"}]
    for name, rows in (("train_spider", train), ("train_others", []), ("dev", [DEV])):
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def plant(folder: Path, **entry: str) -> None:
    (folder / "train_others.json").write_text(json.dumps([{**DEV, **entry}]))


def the_question_itself(folder: Path) -> str:
    plant(folder)
    return "club: spider-train_others-0 and spider-dev-0"


def its_database_under_another_name(folder: Path) -> str:
    database_of(folder, "society").parent.mkdir()
    shutil.copy(database_of(folder, "club"), database_of(folder, "society"))
    plant(folder, db_id="society", question="Who?")
    return "society = club: spider-train_others-0 and spider-dev-0"


def its_question_on_a_larger_database(folder: Path) -> str:
    make(database_of(folder, "union"), TABLES["club"] + "; CREATE TABLE fee (id INT, due REAL)")
    plant(folder, db_id="union", question="how many members are over 35")
    return "spider-train_others-0 has the question of spider-dev-0: 'How many members are over 35?'"


@pytest.mark.parametrize(
    "planted", [the_question_itself, its_database_under_another_name, its_question_on_a_larger_database]
)
def test_what_is_planted_fails_the_build_with_its_names(spider: Path, planted: Callable[[Path], str]) -> None:
    names = planted(spider)
    done = CliRunner().invoke(main, ["--benchmark", "spider", "--benchmark_dir", "spider"])
    assert done.exit_code == 1
    assert names in done.stderr
    assert not list(Path("output/data").glob("spider-*/golden.jsonl"))


def test_without_it_the_build_ends_well_and_logs_what_it_checked(spider: Path) -> None:
    from pipesql.tracking.runs import latest_run

    done = CliRunner().invoke(main, ["--benchmark", "spider", "--benchmark_dir", "spider"])
    assert done.exit_code == 0, done.output
    run = latest_run("data")
    assert run is not None
    assert {name: run.metrics[f"leaks/{name}"] for name in ("shared_databases", "shared_questions")} == {
        "shared_databases": 0,
        "shared_questions": 0,
    }
    report = json.loads(run.artifact("leaks.json").read_text())
    assert (report["train_databases"], report["dev_databases"], report["withheld"]) == (1, 1, [])
    assert "<svg" in run.artifact("preview.html").read_text()
    assert json.loads(run.artifact("stats.json").read_text())["splits"]["train"]["queries"] == 1
