"""Samples: every layout teaches the same targets after the same prompts, and what is written is what was meant."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat.prompts import messages
from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Sample
from pipesql.samples.build import Built, build
from pipesql.samples.layouts import Options
from pipesql.samples.output import metrics, write
from pipesql.samples.splits import split_pairs
from tests.support.pairs import golden_pair

OPERATORS = ("FROM singer", "|> WHERE age > 20", "|> SELECT name")


@pytest.fixture
def pair(tmp_path: Path) -> GoldenPair:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE singer (name TEXT, age INT); INSERT INTO singer VALUES ('Ann', 30)")
    return golden_pair(
        database=str(path),
        question="Is Ann older than 20?",
        gold_sql="SELECT name FROM singer WHERE age > 20",
        operators=OPERATORS,
        evidence="years",
    )


def samples(pair: GoldenPair, layout: str = "folded", **options: float) -> list[Sample]:
    return build([pair], Options(layout, **options)).samples  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", ["folded", "tree"])
def test_folded_and_tree_are_one_sample_a_query(pair: GoldenPair, layout: str) -> None:
    (sample,) = samples(pair, layout)
    assert sample.id == "q1" and sample.final
    assert sample.targets == OPERATORS
    assert list(sample.prompt) == messages(Database(pair.database).schema, pair.question, "years")


def test_steps_is_one_sample_an_operator_with_the_query_so_far_in_the_prompt(pair: GoldenPair) -> None:
    steps = samples(pair, "steps")
    assert [s.targets for s in steps] == [(operator,) for operator in OPERATORS]
    assert [s.final for s in steps] == [False, False, True]
    assert [s.id for s in steps] == ["q1#1", "q1#2", "q1#3"]
    for i, sample in enumerate(steps):
        expected = messages(Database(pair.database).schema, pair.question, "years", query_so_far=OPERATORS[:i])
        assert list(sample.prompt) == expected
    assert steps[0].prompt == samples(pair)[0].prompt


def test_keys_stand_in_the_prompt_unless_they_are_not_wanted(pair: GoldenPair) -> None:
    with closing(sqlite3.connect(pair.database)) as db:
        db.executescript(
            "DROP TABLE singer; CREATE TABLE town (id INTEGER PRIMARY KEY);"
            "CREATE TABLE singer (name TEXT, age INT, town INTEGER REFERENCES town (id))"
        )
    told = [samples(pair, keys=keys)[0].prompt[-1]["content"] for keys in (1, 0)]
    assert "town: id int key\n" in told[0] and "town int = town.id\n" in told[0]
    assert "town: id int\n" in told[1] and "town int\n" in told[1]


def test_values_of_the_question_stand_in_the_prompt_on_request(pair: GoldenPair) -> None:
    (sample,) = samples(pair, values=1)
    assert "\n\nValues: singer.name = 'Ann'\nHint: years\nQuestion: " in sample.prompt[1]["content"]
    assert "Values:" not in samples(pair)[0].prompt[1]["content"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layout": "bush"}, "unknown layout 'bush'; choose one of folded, steps, tree"),
        ({"tool_ratio": 1.5}, "tool_ratio is 1.5; give a number from 0 to 1"),
        ({"validation": -0.1}, "validation is -0.1"),
        ({"max_length": 0}, "max_length is 0"),
        ({"execute_prefixes": 2}, "execute_prefixes is 2"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Options(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operators", "said"),
    [
        (
            ("FROM singer", "|> WHERE old > 20"),
            r"q1: its first 2 of 2 operators do not execute: operator 2: no column old",
        ),
        (
            ("FROM singer |> SELECT name", "|> DISTINCT"),
            "q1: its first 1 operators change when they are parsed and printed again",
        ),
        (("FROM singer", "|> SELECT LENGTH(zeroblob(10000000000)) AS n"), "q1: its first 2"),
    ],
)
def test_a_prefix_that_does_not_execute_fails_with_the_pair(
    pair: GoldenPair, operators: tuple[str, ...], said: str
) -> None:
    broken = replace(pair, operators=operators)
    with pytest.raises(PipesqlError, match=said):
        samples(broken)


def test_a_prefix_that_runs_past_its_deadline_fails(pair: GoldenPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["pipesql.samples.build"], "PREFIX_LIMITS", QueryLimits(timeout_s=0.2))
    with closing(sqlite3.connect(pair.database)) as db:
        db.executescript("INSERT INTO singer SELECT name, age FROM singer;" * 10)
        db.commit()
    joins = tuple(f"|> CROSS JOIN singer AS {name}" for name in "bcd")
    slow = replace(pair, operators=("FROM singer", *joins, "|> AGGREGATE COUNT(*) AS n"))
    with pytest.raises(PipesqlError, match=r"q1: its first 5 of 5 .* ran longer than 0.2 s"):
        samples(slow)
    assert samples(slow, execute_prefixes=0)


def test_the_same_with_one_process_or_two(pair: GoldenPair, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    other.write_bytes(Path(pair.database).read_bytes())
    pairs = [replace(pair, id=f"q{n}", database=str(other) if n % 2 else pair.database) for n in range(6)]
    options = Options("steps", tool_ratio=0.5)
    assert build(pairs, options, workers=1) == build(pairs, options, workers=2)


def written(pair: GoldenPair, folder: Path, options: Options) -> tuple[Built, dict[str, object], dict[str, float]]:
    made = {"train": build([pair], options), "dev": build([], options)}
    splits = split_pairs([pair])
    stats = write(folder, made, splits, options)
    return made["train"], stats, metrics(stats, splits)


@pytest.mark.parametrize("layout", ["folded", "steps", "tree"])
def test_samples_are_written_a_file_a_split_and_read_back(pair: GoldenPair, tmp_path: Path, layout: str) -> None:
    made, _, _ = written(pair, tmp_path, Options(layout, tool_ratio=1.0))
    assert list(read_samples(tmp_path / "samples.train.jsonl")) == made.samples
    assert (tmp_path / "samples.dev.jsonl").read_text() == ""


def test_the_statistics_name_what_is_too_long(pair: GoldenPair, tmp_path: Path) -> None:
    _, stats, found = written(pair, tmp_path, Options("folded", tool_ratio=1.0, max_length=100, tokenizer="tiny"))
    assert json.loads((tmp_path / "stats.json").read_text()) == stats
    train = stats["splits"]["train"]  # type: ignore[index]
    assert (train["samples"], train["queries"], train["databases"]) == (2, 1, 1)
    assert train["operators"] == {"FROM": 1, "WHERE": 1, "SELECT": 1}
    assert train["prefixes_executed"] == 3
    assert train["by_layout"] == {"folded": 1, "tools": 1}
    assert train["too_long_ids"] == ["q1#tools"]
    assert (stats["unit"], stats["note"]) == ("tokens", "")
    assert (found["samples/train"], found["samples/train_too_long"], found["samples/train_conversations"]) == (2, 1, 1)
    assert found["leaks/withheld_from_train"] == found["leaks/shared_databases"] == 0


def test_without_a_tokenizer_lengths_are_characters_and_that_is_said(
    pair: GoldenPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPESQL_CACHE", str(tmp_path / "nothing"))
    _, stats, _ = written(pair, tmp_path, Options("folded"))
    assert stats["unit"] == "characters"
    assert "the tokenizer of smol is not on this machine" in str(stats["note"])
    assert "lengths are in characters" in (tmp_path / "preview.html").read_text()


def test_lengths_are_those_that_training_counts(pair: GoldenPair, tmp_path: Path) -> None:
    from pipesql.finetune.data.tokenise import tokenise
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    made, stats, _ = written(pair, tmp_path, Options("steps", tool_ratio=1.0, tokenizer="tiny"))
    _, counted = tokenise(made.samples, load_tokenizer(resolve_model("tiny")), 10_000)
    lengths = stats["splits"]["train"]["lengths"]  # type: ignore[index]
    assert sum(of["whole"]["sum"] for of in lengths.values()) == counted.tokens
    assert sum(of["learnt"]["sum"] for of in lengths.values()) == counted.target_tokens
