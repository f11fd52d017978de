"""Which questions GRPO takes: those that its steps need, from the train split only, with usable golds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.execution.connection import QueryLimits
from pipesql.finetune.grpo.data import read_questions
from pipesql.finetune.grpo.rewards.functions import Rewards
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.records import GoldenPair, Sample
from pipesql.storage import read_jsonl, write_jsonl
from tests.support.music import QUERIES, RECIPE, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def questions(data: Path, recipe=RECIPE, limit: int = 0):
    tokenizer = load_tokenizer(resolve_model("tiny"))
    with Rewards(tokenizer, QueryLimits(recipe.reward_timeout_s, recipe.reward_max_rows)) as rewards:
        return read_questions(data, recipe, tokenizer, rewards, limit, seed=0)


def copy(data: Path, folder: Path, pair=lambda pair: pair, sample=lambda sample: sample) -> Path:
    write_jsonl(folder / "golden.jsonl", map(pair, read_jsonl(data / "golden.jsonl", GoldenPair)))
    write_jsonl(folder / "samples.train.jsonl", map(sample, read_jsonl(data / "samples.train.jsonl", Sample)))
    return folder


def test_as_many_questions_are_drawn_as_the_steps_need(data) -> None:
    assert len(questions(data).rows) == 3
    assert len(questions(data, limit=2).rows) == 2
    assert len(questions(data, replace(RECIPE, max_steps=100)).rows) == len(QUERIES)


def test_questions_whose_gold_cannot_be_compared_with_are_left_out_and_counted(data, tmp_path) -> None:
    def spoilt(pair: GoldenPair) -> GoldenPair:
        return replace(pair, gold_sql={"q0": "SELECT 1 WHERE 0", "q1": "SELECT x"}.get(pair.id, pair.gold_sql))

    asked = questions(copy(data, tmp_path, pair=spoilt), replace(RECIPE, max_steps=100))
    assert {row["id"] for row in asked.rows} == {"q2", "q3"}
    assert asked.left_out == {"empty": 1, "gold": 1}


def test_data_without_questions_to_ask_is_one_sentence(data, tmp_path) -> None:
    with pytest.raises(BadInput, match=r"0 usable train questions \(left out: 4 too_long\)"):
        questions(data, replace(RECIPE, max_prompt_length=3))
    steps = copy(data, tmp_path, sample=lambda sample: replace(sample, layout="steps"))
    with pytest.raises(BadInput, match="build the data with layout=folded"):
        questions(steps)


def test_no_question_of_dev_is_asked(data, tmp_path) -> None:
    dev = copy(data, tmp_path, pair=lambda pair: replace(pair, split="dev" if pair.id != "q0" else "train"))
    assert [row["id"] for row in questions(dev, replace(RECIPE, max_steps=100)).rows] == ["q0"]
