"""Before training the samples are looked through once more: what leaked since the build is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat.trees import lines, read_samples
from pipesql.errors import PipesqlError
from pipesql.records import GoldenPair, Sample
from pipesql.samples.build import build
from pipesql.samples.examine import examine
from pipesql.samples.layouts import Options
from pipesql.samples.splits import split_pairs
from pipesql.storage import write_jsonl


@pytest.fixture
def folder(demo_pairs: list[GoldenPair], tmp_path: Path) -> Path:
    splits = split_pairs(demo_pairs)
    write_jsonl(tmp_path / "golden.jsonl", demo_pairs)
    for split, pairs in splits.parts().items():
        made = build(pairs, Options("tree", tool_ratio=0.3, execute_prefixes=0)).samples
        write_jsonl(tmp_path / f"samples.{split}.jsonl", lines(made))
    return tmp_path


def test_a_folder_as_it_was_built_is_clean(folder: Path) -> None:
    report = examine(folder)
    assert report["train_samples"] > report["train_databases"] > 5
    assert (report["shared_databases"], report["shared_questions"]) == (0, 0)


def test_pairs_that_were_made_of_others_are_known(folder: Path, demo_pairs: list[GoldenPair]) -> None:
    made = replace(next(p for p in demo_pairs if p.split == "train"), id="made", question="Something new?")
    train = list(read_samples(folder / "samples.train.jsonl"))
    more = build([made], Options("tree", execute_prefixes=0)).samples
    write_jsonl(folder / "samples.train.jsonl", lines([*train, *more]))
    with pytest.raises(PipesqlError, match="have no golden pair"):
        examine(folder)
    write_jsonl(folder / "augmented.jsonl", [made])
    assert examine(folder)["train_samples"] == len(train) + 1


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lambda dev: dev, r"1 are on a dev database \({id}\)"),
        (lambda dev: replace(dev, id="planted"), r"1 have no golden pair \(planted\)"),
    ],
)
def test_what_was_put_in_since_is_named(folder: Path, plant: Callable[[Sample], Sample], said: str) -> None:
    dev = next(iter(read_samples(folder / "samples.dev.jsonl")))
    train = list(read_samples(folder / "samples.train.jsonl"))
    write_jsonl(folder / "samples.train.jsonl", lines([*train, plant(dev)]))
    with pytest.raises(PipesqlError, match=said.format(id=dev.id)):
        examine(folder)


def test_a_question_of_dev_is_named(folder: Path, demo_pairs: list[GoldenPair]) -> None:
    dev = next(pair for pair in demo_pairs if pair.split == "dev")
    first = next(pair for pair in demo_pairs if pair.split == "train")
    asked = [replace(pair, question=f"{dev.question.upper()}!") if pair == first else pair for pair in demo_pairs]
    write_jsonl(folder / "golden.jsonl", asked)
    with pytest.raises(PipesqlError, match=rf"have a question of dev \({first.id}"):
        examine(folder)
