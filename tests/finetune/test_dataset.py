"""Which samples a run learns from: drawn by the seed, and not again what an earlier run of the seed had."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.finetune.data.dataset import read_dataset
from pipesql.finetune.recipe.files import recipe_for
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.records import Sample
from pipesql.storage import write_jsonl

PROMPT = ({"role": "system", "content": "Answer."}, {"role": "user", "content": "shop: id int key\n\nQuestion: All?"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twenty queries in layout steps, two samples each."""
    path = tmp_path_factory.mktemp("data")
    samples = [
        Sample(f"q{n}#{k}", "shop", "train", "steps", PROMPT, (f"|> LIMIT {n}",), final=k == 2)
        for n in range(20)
        for k in (1, 2)
    ]
    write_jsonl(path / "samples.train.jsonl", samples)
    write_jsonl(path / "samples.dev.jsonl", samples[:2])
    return path


@pytest.fixture(scope="module")
def learnt(folder):
    tokenizer = load_tokenizer(resolve_model("tiny"))

    def ids(limit: int, seed: int, skip: int) -> list[str]:
        return [
            row.id for row in read_dataset(folder, tokenizer, recipe_for("tiny", "tiny"), limit, seed, skip).train_rows
        ]

    return ids


def test_two_halves_are_the_whole_and_share_nothing(learnt) -> None:
    first, second = learnt(12, 3, 0), learnt(0, 3, 12)
    assert (len(first), len(second)) == (24, 16)
    assert set(first) | set(second) == set(learnt(0, 3, 0))


def test_what_is_left_is_drawn_from_by_the_limit(learnt) -> None:
    drawn = learnt(4, 3, 12)
    assert len(drawn) == 8
    assert not set(drawn) & set(learnt(12, 3, 0))
    assert drawn == learnt(4, 3, 12)
    assert drawn != learnt(4, 4, 12)


@pytest.mark.parametrize("skip", [20, 21])
def test_nothing_left_is_one_sentence(learnt, skip) -> None:
    with pytest.raises(BadInput, match=rf"skip={skip} leaves none of the 20 queries in .*; skip fewer"):
        learnt(0, 3, skip)
