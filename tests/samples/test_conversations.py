"""Conversations with tools on the demo: real results, three depths, mistakes that are shown, refused and mended."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.assistant_tools.specs import SPECS
from pipesql.assistant_tools.toolbox import Toolbox
from pipesql.chat.prompts import schema_text
from pipesql.chat.trees import read_samples
from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Sample
from pipesql.samples.build import build
from pipesql.samples.check import check_samples
from pipesql.samples.conversations import converse, depth_in, has_repair
from pipesql.samples.layouts import Options
from pipesql.samples.mistakes import KINDS, mistake
from pipesql.samples.output import write
from pipesql.samples.splits import split_pairs


@pytest.fixture(scope="module")
def talks(demo_pairs: list[GoldenPair]) -> list[Sample]:
    return [s for s in build(demo_pairs, Options(tool_ratio=1.0)).samples if s.layout == "tools"]


def used(sample: Sample) -> list[str]:
    return [c["function"]["name"] for message in sample.prompt for c in message.get("tool_calls", ())]


def test_a_share_of_the_queries_gets_a_conversation(demo_pairs: list[GoldenPair]) -> None:
    made = build(demo_pairs, Options(tool_ratio=0.3, execute_prefixes=0)).samples
    assert Counter(s.layout for s in made) == {"folded": len(demo_pairs), "tools": round(0.3 * len(demo_pairs))}
    assert build(demo_pairs, Options(tool_ratio=0.3, execute_prefixes=0)).samples == made
    assert build(demo_pairs, Options(tool_ratio=0.3, execute_prefixes=0, seed=1)).samples != made


def test_the_three_depths(talks: list[Sample], demo_pairs: list[GoldenPair]) -> None:
    schemas = {f"{p.id}#tools": schema_text(Database(p.database).schema) for p in demo_pairs}
    depths = Counter(map(depth_in, talks))
    assert min(depths[depth] for depth in ("execute", "describe", "explore")) > 3
    for talk in talks:
        told, tools, depth = talk.prompt[1]["content"], used(talk), depth_in(talk)
        assert tools[-1] == "execute_pipe_sql" and talk.tools == SPECS
        assert (schemas[talk.id] in told) == (depth == "execute")
        assert told.startswith("Tables: ") == (depth == "describe")
        if depth == "execute":
            assert set(tools) == {"execute_pipe_sql"}
        elif depth == "describe":
            assert set(tools) == {"describe_table", "execute_pipe_sql"}
        else:
            assert tools[0] == "list_tables" and {"describe_table", "sample_data"} <= set(tools)
            tried = [c["function"]["arguments"] for m in talk.prompt for c in m.get("tool_calls", ())][-2]
            assert len(talk.targets) <= 2 or "query" in tried


def test_the_last_call_runs_what_the_answer_says(talks: list[Sample]) -> None:
    for talk in talks:
        assert talk.prompt[-2]["tool_calls"][0]["function"]["arguments"] == {"query": "\n".join(talk.targets)}
        assert "row_count" in json.loads(talk.prompt[-1]["content"])


def test_a_mistake_is_refused_by_the_resolver_and_mended(talks: list[Sample]) -> None:
    repaired = [talk for talk in talks if has_repair(talk)]
    assert 0.2 < len(repaired) / len(talks) < 0.45
    for talk in repaired:
        ((place, wrong),) = [(n, m) for n, m in enumerate(talk.prompt) if m.get("weight") == 0]
        assert "error" in json.loads(talk.prompt[place + 1]["content"])
        query = wrong["tool_calls"][0]["function"]["arguments"]["query"]
        assert query != "\n".join(talk.targets)
        assert talk.prompt[place + 2]["tool_calls"][0]["function"]["arguments"]["query"] == "\n".join(talk.targets)
    said = " ".join(talk.prompt[-3]["content"] for talk in repaired)
    assert "did you mean" in said and "ambiguous" in said


def test_every_kind_of_mistake_is_made(demo_pairs: list[GoldenPair]) -> None:
    found = Counter()
    for n, pair in enumerate(demo_pairs):
        made = mistake(pair.pipe_sql, Database(pair.database).schema, random.Random(n))
        found[made[0] if made else ""] += 1
    assert min(found[kind] for kind in KINDS) > 3


def test_a_query_that_fails_is_named(demo_pairs: list[GoldenPair]) -> None:
    pair = replace(demo_pairs[0], operators=("FROM nothing",))
    with (
        Toolbox(Database(pair.database)) as box,
        pytest.raises(PipesqlError, match=f"{pair.id}: its query fails as a tool call"),
    ):
        converse(pair, box, 0)


@pytest.mark.parametrize("layout", ["folded", "steps", "tree"])
def test_what_is_on_disk_is_the_trajectory_and_every_result_is_real(
    demo_pairs: list[GoldenPair], tmp_path: Path, layout: str
) -> None:
    """The requirement in one test: prompts and targets against the pairs, tool results against fresh executions."""
    options = Options(layout, tool_ratio=0.3, values=2)
    splits = split_pairs(demo_pairs)
    made = {split: build(pairs, options) for split, pairs in splits.parts().items()}
    write(tmp_path, made, splits, options)
    pairs = {p.id: p for p in demo_pairs}
    for split, one in made.items():
        checked = check_samples(list(read_samples(tmp_path / f"samples.{split}.jsonl")), pairs)
        assert (checked.samples, checked.faults) == (len(one.samples), ())
        assert checked.queries == len(splits.parts()[split])
        assert checked.results > 0 and checked.prefixes == one.prefixes == sum(
            len(p.operators) for p in splits.parts()[split]
        )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: replace(s, targets=s.targets[:-1]), "its targets are not the pair's operators"),
        (lambda s: replace(s, prompt=(s.prompt[0], {"role": "user", "content": "Question: else?"})), "its prompt"),
        (lambda s: replace(s, id="none"), "no golden pair has this id"),
    ],
)
def test_the_check_finds_what_is_wrong(
    demo_pairs: list[GoldenPair], spoil: Callable[[Sample], Sample], said: str
) -> None:
    pair = max(demo_pairs, key=lambda p: len(p.operators))
    (sample,) = build([pair], Options()).samples
    assert said in " ".join(check_samples([spoil(sample)], {pair.id: pair}).faults)


def test_the_check_finds_an_invented_result(demo_pairs: list[GoldenPair]) -> None:
    pair = demo_pairs[0]
    sample = build([pair], Options(tool_ratio=1.0)).samples[-1]
    *before, result = sample.prompt
    forged = replace(sample, prompt=(*before, {**result, "content": '{"rows": []}'}))
    faults = check_samples([forged], {pair.id: pair}).faults
    assert [f for f in faults if "the result of execute_pipe_sql is not what it returns now" in f]


def test_spider_holds_too(spider_folder: Path) -> None:
    from pipesql import benchmarks, golden

    pairs = golden.build(benchmarks.load("spider", str(spider_folder), limit=60)).pairs
    by_id = {p.id: p for p in pairs}
    for layout in ("steps", "tree"):
        made = build(pairs, Options(layout, tool_ratio=1.0, values=2)).samples
        assert check_samples(made, by_id).faults == ()
