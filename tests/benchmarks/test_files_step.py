"""Your own questions through the real data step: a DuckDB file and a SQLite file, and a PostgreSQL database by URL."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipesql.records import GoldenPair, Rejection
from pipesql.storage import read_jsonl

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("mlflow")

from tests.support.servers.postgres import server  # noqa: E402

TABLES = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(40), born INTEGER);
CREATE TABLE book (
    id INTEGER PRIMARY KEY, author_id INTEGER, title VARCHAR(40), price DECIMAL(8, 2), year INTEGER,
    FOREIGN KEY (author_id) REFERENCES author(id)
);
"""
AUTHORS = [(i, f"Author {i}", 1900 + i) for i in range(1, 31)]
BOOKS = [(i, 1 + i % 30, f"Title {i}", i * 1.25, 1950 + i % 60) for i in range(1, 121)]

ANYWHERE = {
    "Who was born after 1910?": "SELECT name FROM author WHERE born > 1910",
    "How many books are there?": "SELECT COUNT(*) FROM book",
    "Who wrote more than three books?": (
        "SELECT a.name, COUNT(*) AS n FROM author a JOIN book b ON a.id = b.author_id "
        "GROUP BY a.name HAVING COUNT(*) > 3 ORDER BY n DESC, a.name"
    ),
    "What are the three dearest books?": "SELECT title FROM book ORDER BY price DESC LIMIT 3",
    "What did a book cost in the sixties on average?": "SELECT AVG(price) FROM book WHERE year / 10 = 196",
    "Which titles begin with title 1?": "SELECT title FROM book WHERE title LIKE 'title 1%'",
}
DUCKDB_ONLY = {
    "Which books cost more than 50?": "FROM book SELECT title WHERE price > 50",
    "Which titles end with 9?": "SELECT title FROM book WHERE title ILIKE '%9'",
    "How many books has each decade?": "SELECT year // 10 AS decade, COUNT(*) FROM book GROUP BY ALL",
    "What is each author's dearest book?": (
        "SELECT title FROM book QUALIFY ROW_NUMBER() OVER (PARTITION BY author_id ORDER BY price DESC) = 1"
    ),
}


def sqlite_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES + "CREATE TABLE room (floor INTEGER);")  # another database than the other
        connection.executemany("INSERT INTO author VALUES (?, ?, ?)", AUTHORS)
        connection.executemany("INSERT INTO book VALUES (?, ?, ?, ?, ?)", BOOKS)
        connection.commit()


def duckdb_file(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
        connection.executemany("INSERT INTO author VALUES (?, ?, ?)", AUTHORS)
        connection.executemany("INSERT INTO book VALUES (?, ?, ?, ?, ?)", BOOKS)


def write_questions(path: Path, about: dict[str, dict[str, str]], **more: str) -> None:
    lines = [
        {"question": f"In the {db}: {question}", "sql": sql, "db": db, **more}
        for db, asked in about.items()
        for question, sql in asked.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run the step in, with a store of its own."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(project: Path, *options: str) -> tuple[str, Path]:
    """What the data step prints, and the folder that it writes."""
    from steps.data import main

    done = CliRunner().invoke(main, ["--benchmark", "files", "--questions", "q.jsonl", *options])
    assert done.exit_code == 0, done.output
    (folder,) = (project / "output" / "data").iterdir()
    return done.output, folder


def samples(folder: Path, split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"samples.{split}.jsonl").read_text().splitlines()]


def test_a_duckdb_and_a_sqlite_file_become_golden_pairs_and_samples(project: Path) -> None:
    (project / "mine" / "shelf").mkdir(parents=True)
    duckdb_file(project / "mine" / "shop.duckdb")
    sqlite_file(project / "mine" / "shelf" / "shelf.sqlite")
    wrong = {"Which shoes are there?": "SELECT shoes FROM book"}
    write_questions(project / "q.jsonl", {"shop": ANYWHERE | DUCKDB_ONLY | wrong, "shelf": ANYWHERE})
    said, folder = run(project, "--databases", "mine")
    pairs = list(read_jsonl(folder / "golden.jsonl", GoldenPair))
    (rejected,) = read_jsonl(folder / "rejections.jsonl", Rejection)
    assert (rejected.gold_sql, rejected.reason) == ("SELECT shoes FROM book", "gold_error:name")
    assert {(p.db_id, p.gold_sql) for p in pairs} == {
        *(("shop", sql) for sql in (ANYWHERE | DUCKDB_ONLY).values()),
        *(("shelf", sql) for sql in ANYWHERE.values()),
    }
    assert all(p.proofs == 2 and p.perturbed_digest for p in pairs)
    texts = {(p.db_id, p.gold_sql): p.pipe_sql for p in pairs}
    division = ANYWHERE["What did a book cost in the sixties on average?"]
    assert "DIV(year, 10)" in texts["shelf", division], "SQLite divides whole numbers"
    assert "year / 10" in texts["shop", division], "DuckDB does not"
    assert {p.split for p in pairs if p.db_id == "shop"} != {p.split for p in pairs if p.db_id == "shelf"}
    made = {s["id"] for split in ("train", "dev") for s in samples(folder, split)}
    assert len(made) > len(ANYWHERE), "the questions of both databases are samples"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["inputs"]["databases"]) == {"mine/shop.duckdb", "mine/shelf/shelf.sqlite"}
    assert manifest["leaks"]["shared_databases"] == 0
    assert "left out" not in said


def test_questions_without_a_database_are_left_out_and_that_is_said_and_written(project: Path) -> None:
    from pipesql.tracking.runs import latest_run

    (project / "mine").mkdir()
    sqlite_file(project / "mine" / "shelf.sqlite")
    write_questions(project / "q.jsonl", {"shelf": ANYWHERE, "gone": ANYWHERE}, split="train")
    said, folder = run(project, "--databases", "mine", "--missing", "skip")
    assert "left out 6 train questions: 1 databases are missing (gone)" in said
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["left_out"] == {"questions": {"train": 6}, "databases": ["gone"]}
    ref = latest_run("data", {"pipesql.benchmark": "files"})
    assert ref is not None
    assert ref.metrics["questions/left_out_train"] == 6


@pytest.mark.long
def test_a_postgresql_database_by_url_has_one_proof_a_pair(project: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with server() as connection:
        connection.execute(TABLES)
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO author VALUES (%s, %s, %s)", AUTHORS)
        cursor.executemany("INSERT INTO book VALUES (%s, %s, %s, %s, %s)", BOOKS)
        nothing = {"Who was born in 1500?": "SELECT name FROM author WHERE born = 1500"}
        write_questions(project / "q.jsonl", {"postgres": ANYWHERE | nothing})
        url = f"postgresql+psycopg://test@/{{db}}?host={connection.info.host}"
        said, folder = run(project, "--databases", url, "--tool_ratio", "1", "--augment", "1")
    assert "all questions are about one database (postgres)" in said
    assert "5 are proved on the database alone" in said
    pairs = list(read_jsonl(folder / "golden.jsonl", GoldenPair))
    rejected = {r.gold_sql: r.reason for r in read_jsonl(folder / "rejections.jsonl", Rejection)}
    # What returns nothing on the only database there is has no proof at all.
    assert rejected == {
        nothing["Who was born in 1500?"]: "unproved:empty",
        ANYWHERE["Which titles begin with title 1?"]: "unproved:empty",
    }
    assert {p.gold_sql for p in pairs} == set(ANYWHERE.values()) - rejected.keys()
    augmented = list(read_jsonl(folder / "augmented.jsonl", GoldenPair))
    assert all((p.proofs, p.perturbed_digest, p.rows > 0) == (1, "", True) for p in [*pairs, *augmented])
    ids = {s["id"] for s in samples(folder, "train")}
    assert ids >= {p.id for p in [*pairs, *augmented]} | {f"{p.id}#tools" for p in pairs}
    assert {p.split for p in pairs} == {"train"}


def test_new_pairs_are_made_of_those_for_training_alone(project: Path) -> None:
    (project / "mine").mkdir()
    sqlite_file(project / "mine" / "shelf.sqlite")
    with closing(sqlite3.connect(project / "mine" / "other.sqlite")) as connection:
        connection.executescript("CREATE TABLE thing (name TEXT); INSERT INTO thing VALUES ('a'), ('b')")
    lines = [
        {
            "question": "What is the year of Title 7?",
            "sql": "SELECT year FROM book WHERE title = 'Title 7'",
            "db": "shelf",
        },
        {"question": "Which things are called a?", "sql": "SELECT * FROM thing WHERE name = 'a'", "db": "other"},
    ]
    splits = {"shelf": "train", "other": "dev"}
    (project / "q.jsonl").write_text("".join(json.dumps(x | {"split": splits[x["db"]]}) + "\n" for x in lines))
    said, folder = run(project, "--databases", "mine", "--augment", "3")
    pairs = list(read_jsonl(folder / "augmented.jsonl", GoldenPair))
    assert [(p.id, p.parents, p.split) for p in pairs] == [(f"q-1~{n}", ("q-1",), "train") for n in (1, 2, 3)]
    assert [s["id"] for s in samples(folder, "train")] == ["q-1", "q-1~1", "q-1~2", "q-1~3"]
    assert [s["id"] for s in samples(folder, "dev")] == ["q-2"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["augmentation"] == {"proposed": {"value": 3}, "golden": {"value": 3}, "lost": {}}
    assert "augmented.jsonl" in manifest["files"]
    assert "augmentation by value: 3 golden of 3 proposed" in said
