"""The checkpoint is chosen by execution accuracy: real answers of the model in training, on a real database."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from pathlib import Path

import pytest

from pipesql.chat.prompts import messages
from pipesql.errors import BadInput
from pipesql.evaluate.model_evaluation import accuracy_on
from pipesql.execution.database import Database
from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.sft.train import train
from pipesql.models import resolve_model
from pipesql.records import Sample
from pipesql.storage import write_jsonl
from tests.support.pairs import golden_pair

ANSWERS = {
    "Who is over 30?": ("FROM singer", "|> WHERE age > 30", "|> SELECT name"),
    "How many singers are there?": ("FROM singer", "|> AGGREGATE COUNT(*) AS count"),
}
GOLDS = ("SELECT name FROM singer WHERE age > 30", "SELECT COUNT(*) FROM singer")
RECIPE = dataclasses.replace(
    recipe_for("tiny", "tiny"),
    use_peft=False, learning_rate=3e-3, max_steps=60, eval_steps=10.0, eval_on_start=True, select="ex",
    early_stopping_patience=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Data whose two questions are asked in training and in evaluation alike: what is memorised shows at once."""
    path = tmp_path_factory.mktemp("data")
    with sqlite3.connect(path / "music.sqlite") as connection:
        connection.executescript(
            "CREATE TABLE singer (name TEXT, age INTEGER);"
            "INSERT INTO singer VALUES ('Ann', 31), ('Bob', 25), ('Cem', 47);"
        )
    connection.close()
    schema, pairs, samples = Database(str(path / "music.sqlite")).schema, [], []
    for number, ((question, operators), gold) in enumerate(zip(ANSWERS.items(), GOLDS, strict=True)):
        pairs.append(
            golden_pair(
                id=f"q{number}",
                database=str(path / "music.sqlite"),
                question=question,
                gold_sql=gold,
                split="dev",
                operators=operators,
            )
        )
        samples.append(
            Sample(f"q{number}", "music", "train", "folded", tuple(messages(schema, question, "")), operators)
        )
    write_jsonl(path / "golden.jsonl", pairs)
    write_jsonl(path / "samples.train.jsonl", samples)
    write_jsonl(path / "samples.dev.jsonl", [dataclasses.replace(sample, split="dev") for sample in samples])
    return path


def test_the_first_checkpoint_that_answers_rightly_is_taken_and_training_ends(folder, tmp_path) -> None:
    measured: dict[int, float] = {}

    def note(values: dict[str, float], step: int) -> None:
        if "eval/ex" in values:
            measured[step] = values["eval/ex"]

    result = train(folder, resolve_model("tiny"), RECIPE, tmp_path, on_metrics=note, measure_ex=accuracy_on(folder))
    first = min(step for step, share in measured.items() if share == 1.0)
    assert measured[0] == 0.0
    assert json.loads((result.adapter / "base.json").read_text())["step"] == first
    assert result.steps == first + 20 < RECIPE.max_steps
    assert result.summary["eval/ex_best"] == 1.0


def test_questions_without_golden_pairs_cannot_choose(folder, tmp_path) -> None:
    write_jsonl(tmp_path / "golden.jsonl", [])
    with pytest.raises(BadInput, match="none of the questions to choose a checkpoint by: select loss"):
        accuracy_on(tmp_path)(None, None, ["q0"], "folded")
    with pytest.raises(BadInput, match="has select ex, but execution accuracy is not measured here"):
        train(folder, resolve_model("tiny"), RECIPE, tmp_path / "run")
