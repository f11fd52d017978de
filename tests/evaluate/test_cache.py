"""Answers outlive the process that asked for them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.decoding.types import Decoded
from pipesql.errors import BadInput
from pipesql.evaluate.report.evaluation import Evaluation
from pipesql.inference.answer import prediction
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import write_jsonl

torch = pytest.importorskip("torch")

from pipesql.evaluate.model_evaluation import AnswerCache, evaluate_model  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.folder import fingerprint  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402

SETTINGS = {"layout": "folded"}


def answer(question: GoldenPair, text: str = "FROM singer") -> Prediction:
    return prediction(question, Decoded((text, "|> SELECT näme"), "done", "", 7), 1.0)


def test_an_answer_comes_back_as_it_was(golden, tmp_path: Path) -> None:
    kept = AnswerCache(tmp_path / "cache", "m", SETTINGS)
    assert kept.get(golden[0]) is None and not kept.path.exists()
    kept.add(golden[0], answer(golden[0]))
    again = AnswerCache(tmp_path / "cache", "m", SETTINGS)
    assert again.get(golden[0]) == answer(golden[0])
    assert again.get(golden[1]) is None


def test_what_an_answer_depends_on_is_its_key(golden, tmp_path: Path, database: Path) -> None:
    AnswerCache(tmp_path, "m", SETTINGS).add(golden[0], answer(golden[0]))
    assert AnswerCache(tmp_path, "other", SETTINGS).get(golden[0]) is None
    assert AnswerCache(tmp_path, "m", {"layout": "steps"}).get(golden[0]) is None
    kept = AnswerCache(tmp_path, "m", SETTINGS)
    assert kept.get(replace(golden[0], question="Another?")) is None
    assert kept.get(replace(golden[0], evidence="a hint")) is None
    other = tmp_path / "other.sqlite"
    other.write_bytes(database.read_bytes())
    moved = kept.get(replace(golden[0], database=str(other), id="q9", hardness="hard"))
    assert moved is not None and (moved.id, moved.hardness, moved.database) == ("q9", "hard", str(other))
    other.write_bytes(database.read_bytes() + b"\0" * 4096)
    assert AnswerCache(tmp_path, "m", SETTINGS).get(replace(golden[0], database=str(other))) is None


def test_a_line_that_was_cut_short_is_dropped(golden, tmp_path: Path) -> None:
    kept = AnswerCache(tmp_path, "m", SETTINGS)
    kept.add(golden[0], answer(golden[0]))
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + whole[:40])
    again = AnswerCache(tmp_path, "m", SETTINGS)
    assert kept.path.read_bytes() == whole
    again.add(golden[1], answer(golden[1], "FROM number"))
    third = AnswerCache(tmp_path, "m", SETTINGS)
    assert third.get(golden[0]) and third.get(golden[1]) == answer(golden[1], "FROM number")


def test_a_file_of_something_else_is_said(golden, tmp_path: Path) -> None:
    kept = AnswerCache(tmp_path, "m", SETTINGS)
    kept.path.write_text("[1]\n")
    with pytest.raises(BadInput, match="line 1: not an answer of a model; delete the file"):
        AnswerCache(tmp_path, "m", SETTINGS)


def test_a_fingerprint_knows_weights_and_tokenizer() -> None:
    source = resolve_model("tiny")
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    one = fingerprint(model, tokenizer)
    assert fingerprint(load_model(source, device="cpu"), load_tokenizer(source)) == one
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1e-3
    changed = fingerprint(model, tokenizer)
    assert changed != one
    tokenizer.chat_template = "{{ messages }}"
    assert fingerprint(model, tokenizer) != changed


KILLED = """
import os, signal, sys
from pathlib import Path
from pipesql.evaluate import model_evaluation
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl

add, done = model_evaluation.AnswerCache.add, []

def add_and_die(self, question, answer):
    add(self, question, answer)
    done.append(answer)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

model_evaluation.AnswerCache.add = add_and_die
source = resolve_model("tiny")
questions = list(read_jsonl(Path(sys.argv[1]), GoldenPair))
model, tokenizer = load_model(source), load_tokenizer(source)
model_evaluation.evaluate_model("tuned", model, tokenizer, questions, 2, cache=Path(sys.argv[2]))
"""


def test_a_killed_evaluation_goes_on_to_the_same_files(golden, tmp_path: Path) -> None:
    source = resolve_model("tiny")

    def evaluated(cache: Path) -> tuple[dict[str, bytes], float]:
        judged, metrics = evaluate_model("tuned", load_model(source), load_tokenizer(source), golden, 2, cache=cache)
        paths = Evaluation("Title", {"tuned": judged}).write(cache / "out")
        return {path.name: path.read_bytes() for path in paths}, metrics["tuned/from_cache"]

    write_jsonl(tmp_path / "golden.jsonl", golden)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "golden.jsonl"), str(tmp_path / "killed")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    (kept,) = (tmp_path / "killed").glob("*.jsonl")
    assert len(kept.read_text().splitlines()) == 2
    fresh, asked = evaluated(tmp_path / "fresh"), evaluated(tmp_path / "killed")
    assert (fresh[1], asked[1]) == (0, 2)
    assert asked[0] == fresh[0]
    assert evaluated(tmp_path / "killed") == (fresh[0], 3), "and nothing is asked a third time"
    assert json.loads(fresh[0]["breakdown.json"])["tuned"]["all"]["n"] == 3
