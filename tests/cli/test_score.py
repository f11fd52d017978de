"""`pipesql score`: predictions of any model, from a file to a table, verdicts and a page."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipesql.cli.main import main
from pipesql.records import Verdict
from pipesql.storage import read_jsonl, write_jsonl
from tests.support.pairs import golden_pair

pytest.importorskip("numpy")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def golden(tmp_path_factory) -> Path:
    """Four dev pairs on two databases, and a train pair that nobody asks for."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("one", "two"):
        with sqlite3.connect(folder / f"{name}.sqlite") as connection:
            connection.executescript("CREATE TABLE t (x INTEGER, y TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        connection.close()
    pairs = [
        golden_pair(
            id=f"q{i}",
            db_id=name,
            database=str(folder / f"{name}.sqlite"),
            question=f"Which x? {i}",
            gold_sql="SELECT x FROM t WHERE y = 'a'",
            split="train" if i == 4 else "dev",
            operators=("FROM t", "|> WHERE y = 'a'", "|> SELECT x"),
            rows=1,
            hardness="easy",
        )
        for i, name in enumerate(["one", "one", "two", "two", "two"])
    ]
    write_jsonl(folder / "golden.jsonl", pairs)
    return folder / "golden.jsonl"


def run(golden: Path, predictions: list[object] | str, *options: str) -> Result:
    path = golden.parent / "predictions.jsonl"
    lines = predictions if isinstance(predictions, str) else "".join(json.dumps(row) + "\n" for row in predictions)
    path.write_text(lines, encoding="utf-8")
    arguments = ["score", "--golden", str(golden), "--predictions", str(path), *options]
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


RIGHT = "FROM t\n|> WHERE y = 'a'\n|> SELECT x"
ANSWERS = [
    {"id": "q0", "pipe_sql": RIGHT, "model": "any further key"},
    {"id": "q1", "pipe_sql": "FROM t |> WHERE y = 'b' |> SELECT x"},
    {"id": "q3", "pipe_sql": "FROM t\n|> WHERE z = 'a'\n|> SELECT x"},
]


def test_a_table_verdicts_and_a_page(golden: Path, tmp_path: Path) -> None:
    said = run(golden, ANSWERS, "--out", str(tmp_path / "out"))
    assert said.exit_code == 0, said.output
    lines = [" ".join(line.split()) for line in said.output.splitlines()]
    assert "questions 4" in lines and "execution accuracy 25.0% [4.6%, 69.9%]" in lines
    assert "by the rule spider 25.0% [0.0%, 75.0%]" in lines and "by databases [0.0%, 50.0%]" in lines
    assert "failed: missing 1" in lines and "failed: name 1" in lines
    verdicts = list(read_jsonl(tmp_path / "out" / "verdicts.jsonl", Verdict))
    assert [(v.id, v.cause) for v in verdicts] == [("q0", ""), ("q1", "rows"), ("q2", "missing"), ("q3", "name")]
    assert [(v.diverges_at, v.diverges_in) for v in verdicts] == [(0, ""), (2, "WHERE"), (0, ""), (2, "WHERE")]
    assert (tmp_path / "out" / "evaluation.txt").read_text().split("\n", 1)[1] == said.output
    assert (tmp_path / "out" / "evaluation.html").read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / "out" / "breakdown.json").read_text())["answers"]["all"]["strict"] == 0.25


def test_again_the_same_bytes_and_any_number_of_workers(golden: Path, tmp_path: Path) -> None:
    for name, workers in (("one", "1"), ("two", "2"), ("again", "1")):
        run(golden, ANSWERS, "--out", str(tmp_path / name), "--workers", workers)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(files) == {"verdicts.jsonl", "evaluation.html", "evaluation.txt", "breakdown.json"}
    for name in ("two", "again"):
        assert {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} == files


def test_partial_leaves_out_what_was_not_answered(golden: Path) -> None:
    said = run(golden, ANSWERS, "--partial")
    assert said.output.splitlines()[1].split() == ["questions", "3"] and "missing" not in said.output


def test_verdicts_can_be_scored_again(golden: Path, tmp_path: Path) -> None:
    first = run(golden, ANSWERS, "--out", str(tmp_path), "--partial")
    again = run(golden, (tmp_path / "verdicts.jsonl").read_text(), "--partial")
    assert again.output == first.output


@pytest.mark.parametrize(
    ("predictions", "options", "sentence"),
    [
        ([{"id": "q0"}], [], "line 1: not a prediction; it needs the texts `id` and `pipe_sql`"),
        ([{"id": "q9", "pipe_sql": RIGHT}], [], "line 1: question id 'q9' is not in this golden.jsonl"),
        ([*ANSWERS, ANSWERS[0]], [], "line 4: 'q0' is answered twice"),
        ("", [], "holds no predictions"),
        ("[1]", [], "line 1: expected a JSON object"),
        (ANSWERS, ["--split", "test"], "does not hold golden pairs of the split test"),
        (ANSWERS, ["--out", "/dev/null/out"], "cannot write"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(golden: Path, predictions, options, sentence: str) -> None:
    said = run(golden, predictions, *options)
    assert said.exit_code == 2
    assert said.output.startswith("error: ") and len(said.output.splitlines()) == 1
    assert sentence in said.output
