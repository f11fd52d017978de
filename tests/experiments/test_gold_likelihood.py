"""What a gold query costs a model: the same behind a shared prompt as by itself, and in steps the sum of its steps."""

from __future__ import annotations

import pytest
import torch

from experiments.gold_likelihood import costs, table
from pipesql.finetune.data.tokenise import tokenise_sample
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.records import Sample
from pipesql.storage import write_jsonl

SCHEMA = "singer: Singer_ID int key, Name, Age int"
TARGETS = ("FROM singer", "|> WHERE Age > 20", "|> AGGREGATE COUNT(*) AS count")


def sample(name: str, question: str, layout: str, targets: tuple[str, ...]) -> Sample:
    prompt = ({"role": "user", "content": f"{SCHEMA}\n\nQuestion: {question}"},)
    return Sample(name, "music", "validation", layout, prompt, targets)


@pytest.fixture(scope="module")
def loaded():
    source = resolve_model("tiny")
    return load_model(source, "cpu", torch.float32), load_tokenizer(source)


def alone(model, tokenizer, one: Sample) -> float:
    row = tokenise_sample(one, tokenizer)
    with torch.inference_mode():
        says = model(torch.tensor([row.input_ids])).logits[0].log_softmax(dim=-1)
    places = [place for place in range(len(row.input_ids)) if row.labels[place] >= 0]
    return -sum(says[place - 1, row.input_ids[place]].item() for place in places)


def test_a_query_costs_what_it_costs_by_itself(loaded, tmp_path) -> None:
    model, tokenizer = loaded
    samples = [sample(f"q{n}", f"How many are {n}?", "folded", TARGETS[: 1 + n % 3]) for n in range(5)]
    expected = {one.id: alone(model, tokenizer, one) for one in samples}
    write_jsonl(tmp_path / "samples.validation.jsonl", samples)
    found, databases = costs(model, tokenizer, tmp_path)
    assert {query: nats for query, (nats, _) in found.items()} == pytest.approx(expected, abs=1e-3)
    assert set(databases.values()) == {"music"}


def test_steps_add_up_to_their_query(loaded, tmp_path) -> None:
    model, tokenizer = loaded
    steps = [sample(f"q0#{n}", f"How many?\n{said}", "steps", (said,)) for n, said in enumerate(TARGETS)]
    expected = sum(alone(model, tokenizer, one) for one in steps)
    write_jsonl(tmp_path / "samples.validation.jsonl", steps)
    found, _ = costs(model, tokenizer, tmp_path)
    assert list(found) == ["q0"]
    assert found["q0"][0] == pytest.approx(expected, abs=1e-3)


def test_versions_are_compared_on_the_queries_that_all_have() -> None:
    first, second = {"a": (2.0, False), "b": (4.0, True), "c": (9.0, False)}, {"a": (1.0, True), "b": (3.0, True)}
    one, other = table({"1": [first], "2": [second]}, {"a": "x", "b": "y", "c": "y"})
    assert one["queries"] == other["queries"] == 2
    assert (one["nats"]["mean"], other["nats"]["mean"]) == (3.0, 2.0)
    assert other["difference"] == {"mean": -1.0, "by_queries": (-1.0, -1.0), "by_databases": (-1.0, -1.0)}
    assert (one["to_the_letter"]["mean"], other["to_the_letter"]["mean"]) == (0.5, 1.0)


def test_several_trainings_of_one_folder_count_as_their_mean() -> None:
    first, second = {"a": (2.0, True), "b": (3.0, True)}, {"a": (4.0, False), "b": (5.0, True), "c": (90.0, True)}
    one, two = table({"1,2": [first, second], "3": [second]}, {"a": "x", "b": "y"})
    assert (one["nats"]["mean"], one["to_the_letter"]["mean"], one["nats_of_each"]) == (3.5, 0.75, [2.5, 4.5])
    assert (two["difference"]["mean"], two["nats_of_each"]) == (1.0, [4.5])
