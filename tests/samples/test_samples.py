"""Samples: both layouts teach the same targets after the same prompts, and no dev question reaches training."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat.prompts import messages
from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.schema import read_schema
from pipesql.records import GoldenPair, read_jsonl
from pipesql.samples import build, split_pairs, write
from pipesql.samples.splits import normalised

OPERATORS = ("FROM singer", "|> WHERE age > 20", "|> SELECT name")


@pytest.fixture
def pair(tmp_path: Path) -> GoldenPair:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE singer (name TEXT, age INT)")
    return GoldenPair(
        id="q1",
        db_id="music",
        database=str(path),
        question="Who is older than 20?",
        gold_sql="SELECT name FROM singer WHERE age > 20",
        benchmark="b",
        split="train",
        operators=OPERATORS,
        lowered_sql="",
        rows=0,
        rows_digest="",
        database_digest="m",
        evidence="years",
    )


def test_folded_is_one_sample_a_query(pair: GoldenPair) -> None:
    (sample,) = build([pair], "folded")
    assert sample.id == "q1" and sample.final
    assert sample.targets == OPERATORS
    assert list(sample.prompt) == messages(read_schema(pair.database), pair.question, "years")


def test_steps_is_one_sample_an_operator_with_the_query_so_far_in_the_prompt(pair: GoldenPair) -> None:
    samples = build([pair], "steps")
    assert [s.targets for s in samples] == [(operator,) for operator in OPERATORS]
    assert [s.final for s in samples] == [False, False, True]
    assert [s.id for s in samples] == ["q1#1", "q1#2", "q1#3"]
    for i, sample in enumerate(samples):
        expected = messages(read_schema(pair.database), pair.question, "years", query_so_far=OPERATORS[:i])
        assert list(sample.prompt) == expected
    assert samples[0].prompt == build([pair], "folded")[0].prompt


def test_an_unknown_layout_is_named(pair: GoldenPair) -> None:
    with pytest.raises(BadInput, match="unknown layout 'bush'; choose one of folded, steps"):
        build([pair], "bush")


def test_a_database_in_both_splits_fails(pair: GoldenPair) -> None:
    with pytest.raises(PipesqlError, match=r"in train and in dev \(music\)"):
        split_pairs([pair, replace(pair, id="q2", split="dev")])


def test_the_same_database_under_two_names_fails(pair: GoldenPair) -> None:
    with pytest.raises(PipesqlError, match=r"\(music = copy\)"):
        split_pairs([pair, replace(pair, id="q2", db_id="copy", split="dev")])


def test_questions_that_dev_asks_are_withheld_from_training(pair: GoldenPair) -> None:
    dev = replace(pair, id="d", db_id="other", database_digest="o", split="dev", question="who is  OLDER than 20")
    kept = replace(pair, id="k", question="Who is younger?")
    rejected_in_dev = replace(pair, id="r", question="Who sings?")
    splits = split_pairs([pair, kept, rejected_in_dev, dev], ["Who sings"])
    assert [p.id for p in splits.train] == ["k"]
    assert [p.id for p in splits.dev] == ["d"]
    report = splits.leak_report()
    assert (report["withheld_from_train"], report["withheld_ids"]) == (2, ["q1", "r"])
    assert (report["shared_databases"], report["shared_questions"]) == (0, 0)


def test_normalised_questions() -> None:
    assert normalised(" How many\nplayers — are there?") == normalised("how many players are there")
    assert normalised("older than 20") != normalised("older than 21")


def test_samples_are_written_a_file_a_split_and_read_back(pair: GoldenPair, tmp_path: Path) -> None:
    from pipesql.records import Sample

    samples = build([pair], "steps")
    write(tmp_path, {"train": samples, "dev": []})
    assert list(read_jsonl(tmp_path / "samples.train.jsonl", Sample)) == samples
    assert (tmp_path / "samples.dev.jsonl").read_text() == ""
