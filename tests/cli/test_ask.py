"""`pipesql ask`: an untrained model writes nonsense, but under the constraint it is nonsense that runs."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("llguidance")

from pipesql.api.ask import Answer
from pipesql.cli.ask import Shown, doubts
from pipesql.cli.main import main
from pipesql.execution.database import Database
from tests.support.servers.chat import Server, completion


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
        connection.executemany("INSERT INTO singer VALUES (?, ?, ?)", [(1, "Ann", 40), (2, "Bob", 20), (3, "Cy", None)])
    return str(path)


def ask(database: str, *more: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["ask", "--db", database, "--model", "tiny", *more, "Who is over 30?"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_answer_ends_with_pipe_sql_sql_and_rows(database: str) -> None:
    status, out, _ = ask(database)
    assert status == 0
    assert "1  FROM singer" in out
    assert out.index("pipe SQL\n") < out.index("SQL for sqlite\n") < out.index("result\n")
    assert "unsure" in out


@pytest.mark.parametrize("more", [(), ("--mode", "vote", "--samples", "3")])
def test_json_is_one_object(database: str, more: tuple[str, ...]) -> None:
    status, out, _ = ask(database, "--json", *more)
    answer = json.loads(out)
    assert status == 0 and answer["error"] == "" and answer["stop"] == "done"
    assert answer["pipe_sql"].startswith("FROM singer") and answer["sql"].startswith("SELECT")
    assert 0 < answer["probability"] < 1 and 0 < answer["share"] <= 1


def test_without_a_constraint_nonsense_is_no_answer(database: str) -> None:
    status, out, _ = ask(database, "--free")
    assert status == 1 and "no answer" in out
    status, out, _ = ask(database, "--free", "--json")
    assert status == 1 and json.loads(out)["error"]


def test_bad_input_is_one_sentence(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, error = ask(str(tmp_path / "nowhere.sqlite"))
    assert status == 2 and "nowhere.sqlite" in error
    status, _, error = ask(database, "--free", "--mode", "vote")
    assert status == 2 and "constrained" in error
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    done = CliRunner().invoke(main, ["ask", "--db", database, "Who?"])
    assert done.exit_code == 2 and "no model is registered here" in done.stderr


def test_a_server_is_asked(database: str) -> None:
    with Server(completion("FROM singer\n|> WHERE agee > 30"), completion("|> WHERE age > 30")) as server:
        status, out, _ = ask(database, "--remote", server.url)
    assert status == 0 and "FROM singer\n|> WHERE age > 30\n" in out and "decoding went back 1 time" in out
    assert server.asked[0]["model"] == "tiny" and "Query so far" in server.asked[1]["messages"][-1]["content"]
    status, _, error = ask(database, "--remote", "http://127.0.0.1:9/v1")
    assert status != 0 and "is the server running" in error and "warning" not in error
    status, _, error = ask(database, "--endpoint", "http://127.0.0.1:9/v1")
    assert "warning: option endpoint is now called remote; use the new name" in error


def test_operators_that_are_taken_back_are_told(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(Database(database), 2)
    shown.follow(("FROM singer", "|> WHERE age > 30"))
    shown.follow(("FROM singer",))
    shown.follow(("FROM singer", "|> WHERE age < 30"))
    out = capsys.readouterr().out
    assert out.index("WHERE age > 30") < out.index("taken back: operator 2") < out.index("WHERE age < 30")
    assert out.count("FROM singer") == 1


SURE = Answer("FROM a", probability=0.9, rows=((1,),))


def test_doubts() -> None:
    doubtful = replace(SURE, probability=0.007)
    assert "unsure" not in doubts(SURE)
    assert doubts(replace(doubtful, confidence=0.8)).startswith("80% of such answers were right")
    assert "20% of such answers were right" in doubts(replace(SURE, confidence=0.2))
    assert "unsure" in doubts(replace(SURE, confidence=0.2))
    for answer, word in (
        (replace(SURE, rows=()), "no rows"),
        (doubtful, "probability of 0.7%"),
        (replace(SURE, share=0.4), "60% of the vote"),
        (replace(SURE, backtracks=2), "went back 2 times"),
        (replace(SURE, missing_mentions=("b", "c")), "mentions b, c, the answer"),
        (replace(SURE, detail="operator 2 was given up: x"), "given up"),
    ):
        said = doubts(answer)
        assert "unsure" in said and word in said
