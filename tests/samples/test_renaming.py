"""Databases under other names: the same queries on them, proven on copies that really have those names."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipesql.chat.trees import lines
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.reading.parser import parse
from pipesql.records import GoldenPair, Sample, original
from pipesql.samples.build import build
from pipesql.samples.check import check_samples
from pipesql.samples.examine import examine
from pipesql.samples.layouts import Options
from pipesql.samples.output import metrics, write
from pipesql.samples.renaming import rename_database, vocabulary
from pipesql.samples.renaming.names import changed, plural, renamed_query, stem
from pipesql.samples.splits import split_pairs
from pipesql.samples.stats import statistics_text
from pipesql.storage import write_jsonl
from tests.support.pairs import golden_pair

OPTIONS = Options("tree", values=2, renamings=2, execute_prefixes=0)


@pytest.fixture(scope="module")
def train(demo_pairs: list[GoldenPair]) -> list[GoldenPair]:
    return split_pairs(demo_pairs).train


@pytest.fixture(scope="module")
def made(train: list[GoldenPair]) -> list[Sample]:
    """The renamed samples of the demo."""
    names = {pair.id for pair in train}
    return [sample for sample in build(train, OPTIONS).samples if sample.id not in names]


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("How many singers are there?", "How many ferries are there?"),
        ("singer_in_concert", "ferry_in_boss"),
        ("SingerID", "FerryID"),
        ("SINGER", "FERRY"),
        ("concerts of the singer's stadium", "bosses of the ferry's stadium"),
        ("singing", "singing"),
        ("3 Singers", "3 Ferries"),
    ],
)
def test_words_change_in_number_and_case(text: str, then: str) -> None:
    assert changed(text, {"singer": "ferry", "concert": "boss"}) == then


@given(st.permutations(["city", "singer", "concert", "box", "match", "day"]), st.randoms())
def test_what_was_changed_can_be_changed_back(others: list[str], rng: random.Random) -> None:
    mapping = dict(zip(sorted(others), others, strict=True))
    written = [plural(word) if rng.random() < 0.5 else word for word in others]
    text = " ".join(word.capitalize() if rng.random() < 0.5 else word for word in written)
    back = {new: old for old, new in mapping.items()}
    assert changed(changed(text, mapping), back) == text
    assert all(stem(plural(word)) == word for word in others)


def test_the_demo_gets_renamings_that_speak_of_other_things(made: list[Sample], train: list[GoldenPair]) -> None:
    pairs = {pair.id: pair for pair in train}
    assert len({sample.db_id for sample in made}) > 8
    assert len(made) > len(train) // 2
    for sample in made:
        pair = pairs[original(sample.id)]
        assert re.fullmatch(rf"{re.escape(pair.db_id)}@[12]", sample.db_id)
        assert sample.targets != pair.operators
        assert len(sample.targets) == len(pair.operators)
    twice = {original(sample.id) for sample in made if sample.id.endswith("@1")}
    assert any(sample.id.endswith("@2") and original(sample.id) in twice for sample in made)


def test_a_renamed_query_returns_what_the_gold_returns(train: list[GoldenPair], tmp_path: Path) -> None:
    by_database: dict[str, list[GoldenPair]] = {}
    for pair in train:
        by_database.setdefault(pair.database, []).append(pair)
    known = vocabulary([Database(path).schema for path in by_database])
    executed = 0
    for number, (path, pairs) in enumerate(by_database.items()):
        renaming = rename_database(Database(path).schema, [(pair, ()) for pair in pairs], known, "7")
        copy = renamed_copy(path, renaming.others, tmp_path / f"{number}.sqlite")
        there = Database(str(copy)).schema
        golds = {pair.id: pair.gold_sql for pair in pairs}
        with closing(sqlite3.connect(path)) as before, closing(sqlite3.connect(copy)) as after:
            for pair, _ in renaming.pairs:
                gold = before.execute(golds[pair.id]).fetchall()
                found = after.execute(lower(parse(pair.pipe_sql), there)).fetchall()
                assert sorted(map(repr, found)) == sorted(map(repr, gold)), pair.pipe_sql
                executed += 1
    assert executed > len(train) // 4


def renamed_copy(path: str, others: Mapping[str, str], copy: Path) -> Path:
    """A copy of a database whose tables and columns bear the other names."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for table in Database(path).schema:
            for column in table.columns:
                if (new := changed(column.name, others)) != column.name:
                    target.execute(f'ALTER TABLE "{table.name}" RENAME COLUMN "{column.name}" TO "{new}"')
            if (new := changed(table.name, others)) != table.name:
                target.execute(f'ALTER TABLE "{table.name}" RENAME TO "{new}"')
        target.commit()
    return copy


def test_the_same_seed_gives_the_same_renamings_whatever_the_pool(train: list[GoldenPair]) -> None:
    one = build(train, OPTIONS, workers=1)
    assert build(train, OPTIONS, workers=2) == one
    assert build(train, replace(OPTIONS, seed=1)).samples != one.samples
    plain = build(train, replace(OPTIONS, renamings=0))
    assert one.samples[: len(plain.samples)] == plain.samples, "they stand behind all others"
    assert (one.operators, one.lengths) == (plain.operators, plain.lengths)


def test_they_are_counted(train: list[GoldenPair], made: list[Sample], tmp_path: Path) -> None:
    options = replace(OPTIONS, tokenizer="tiny")
    splits = split_pairs(train)
    stats = write(tmp_path, {"train": build(train, options)}, splits, options)
    assert stats["splits"]["train"]["renamed"] == len(made)
    assert metrics(stats, splits)["samples/train_renamed"] == len(made)
    assert f"{len(made)} of the samples are under other names" in statistics_text(stats)


def test_only_training_is_rename_database(demo_pairs: list[GoldenPair]) -> None:
    dev = split_pairs(demo_pairs).dev
    assert len(build(dev, OPTIONS).samples) == len(dev)


def test_a_question_that_is_measured_on_is_not_asked(train: list[GoldenPair], made: list[Sample]) -> None:
    asked = made[0].prompt[1]["content"].rpartition("Question: ")[2]
    left = build(train, OPTIONS, taken=[asked.upper()]).samples
    assert made[0].id in {sample.id for sample in made} - {sample.id for sample in left}


def test_a_question_that_names_it_in_other_words_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE singer (nickname TEXT, vintage INT)")
    base = golden_pair(database=str(path), operators=("FROM singer",))
    spoken = replace(base, id="spoken", question="Which vintages do singers have?", operators=PLAIN)
    meant = replace(base, id="meant", question="How old are the singers?", operators=PLAIN)
    valued = replace(base, id="valued", question="Is the singer of the vintage called Vintage?", operators=VALUED)
    exchanged = 0
    for seed in range(8):
        found = rename_database(
            Database(str(path)).schema, [(p, ()) for p in (spoken, meant, valued)], ("vintage", "pilot"), str(seed)
        )
        assert [p.id for p, _ in found.pairs] == (["spoken"] if "vintage" in found.others else [])
        exchanged += bool(found.others)
    assert exchanged > 2


def test_a_table_between_is_not_named_by_a_column_that_another_has_too(tmp_path: Path) -> None:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE singer (singer_id INT, name TEXT);"
            "CREATE TABLE contract (singer_id INT, label_id INT, name TEXT);"
            "CREATE TABLE label (label_id INT, country TEXT)"
        )
    between = golden_pair(
        database=str(path),
        question="What are the names and countries of the singers and their labels?",
        operators=(
            "FROM singer",
            "|> JOIN contract ON singer.singer_id = contract.singer_id",
            "|> JOIN label ON contract.label_id = label.label_id",
            "|> SELECT singer.name, country",
        ),
    )
    said = replace(between, question="What are the names and countries of the singers and labels of the contracts?")
    known = ("contract", "pilot")
    for pair, kept in ((between, False), (said, True)):
        found = [rename_database(Database(str(path)).schema, [(pair, ())], known, str(seed)) for seed in range(8)]
        assert any(renaming.pairs for renaming in found) == kept


PLAIN = ("FROM singer", "|> SELECT vintage")
VALUED = ("FROM singer", "|> WHERE nickname = 'Vintage'", "|> SELECT vintage")


def test_nested_queries_and_names_that_a_query_gives_are_renamed() -> None:
    text = (
        "FROM singer AS s\n|> JOIN concert USING (singer_id)\n|> EXTEND s.age + 1 AS singer_age\n|> DROP age\n"
        "|> RENAME singer_age AS next_singer\n"
        "|> WHERE next_singer > (FROM singer |> AGGREGATE MAX(age) AS max_singer)\n|> SET name = UPPER(name)"
    )
    new = renamed_query(parse(text), lambda name: changed(name, {"singer": "order", "age": "box"}))
    assert "\n".join(print_operators(new)) == (
        "FROM `order` AS s\n|> JOIN concert USING (order_id)\n|> EXTEND s.box + 1 AS order_box\n|> DROP box\n"
        "|> RENAME order_box AS next_order\n|> WHERE next_order > (FROM `order` |> AGGREGATE MAX(box) AS max_order)\n"
        "|> SET name = UPPER(name)"
    )


def test_a_folder_with_renamings_is_clean_and_a_change_in_one_is_found(
    demo_pairs: list[GoldenPair], made: list[Sample], train: list[GoldenPair], tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "golden.jsonl", demo_pairs)
    write_jsonl(tmp_path / "samples.train.jsonl", lines(made))
    assert examine(tmp_path)["train_samples"] == len(made)
    pairs = {p.id: p for p in train}
    assert check_samples(made, pairs).faults == ()
    first, *rest = [sample for sample in made if sample.db_id == made[0].db_id]
    start, *others = first.targets  # its table has a name of one word
    planted = {
        "is called": replace(first, targets=("FROM planted", *others)),
        "other words than its pair": replace(first, targets=(f"{start} AS x", *others)),
        "more operators": replace(first, targets=(*first.targets, "|> LIMIT 1")),
        "more, fewer or other things": replace(first, prompt=_with_table(first)),
    }
    for said, sample in planted.items():
        faults = check_samples([*rest, sample], pairs).faults
        assert any(said in fault and fault.startswith(sample.id) for fault in faults), said


def _with_table(sample: Sample) -> tuple[dict[str, str], ...]:
    system, user = sample.prompt
    return system, {**user, "content": f"planted: id int key\n{user['content']}"}
