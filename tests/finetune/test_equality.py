"""Packs teach exactly what sequences of one operator teach, and every attention computes the same."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from peft import get_peft_model

from experiments.equality import TOLERANCE, compare
from experiments.trainers import shake_adapter
from pipesql.errors import BadInput
from pipesql.finetune.attention.choose import choose_attention, with_blocks
from pipesql.finetune.attention.segments import FLEX, SEGMENTS
from pipesql.finetune.data.packs import make_packs
from pipesql.finetune.data.tokenise import tokenise
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.build import lora_config
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.records import Sample

SCHEMAS = {
    "music": "singer: Singer_ID int key, Name, Age int\nconcert: concert_ID int key, Theme, Year int",
    "shop": "customer: id int key, name, city\norders: id int key, customer int = customer.id, total real",
}
RECIPE = Recipe("equality", "", 1e-3, max_length=300, r=4)


def sample(number: int, db: str) -> Sample:
    prompt = (
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": f"{SCHEMAS[db]}\n\nQuestion: What is number {number}?"},
    )
    targets = (f"FROM {SCHEMAS[db].split(':')[0]}", f"|> WHERE id > {number}", "|> AGGREGATE COUNT(*) AS count")
    return Sample(f"{db}-{number}", db, "train", "folded", prompt, targets[: 1 + number % 3])


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [sample(number, db) for db in SCHEMAS for number in range(6)]


@pytest.fixture(scope="module")
def source():
    return resolve_model("tiny")


@pytest.fixture(scope="module")
def tokenizer(source):
    return load_tokenizer(source)


@pytest.fixture
def model(source):
    return load_model(source, "cpu", torch.float32)


@pytest.mark.parametrize("attention", ["auto", "sdpa"])
def test_packs_teach_an_adapter_what_single_operators_teach(model, tokenizer, samples, attention) -> None:
    """Token by token, and every LoRA matrix; `python -m experiments.equality` shows the same for smol."""
    recipe = dataclasses.replace(RECIPE, attn_implementation=attention)
    model = get_peft_model(model, lora_config(recipe))
    shake_adapter(model)
    for packing, found in compare(model, tokenizer, samples, recipe).items():
        assert found.targets > 100
        assert found.weights == sum(p.requires_grad for p in model.parameters()), packing
        assert found.loss <= TOLERANCE, packing
        assert found.gradient <= TOLERANCE, packing


def test_packs_teach_every_weight_what_single_operators_teach(model, tokenizer, samples) -> None:
    recipe = dataclasses.replace(RECIPE, use_peft=False)
    for packing, found in compare(model, tokenizer, samples, recipe).items():
        assert found.weights == len(list(model.parameters())), packing
        assert found.loss <= TOLERANCE, packing
        assert found.gradient <= TOLERANCE, packing


@pytest.fixture(scope="module")
def packs(samples, tokenizer):
    rows, _ = tokenise(samples, tokenizer, 200)
    return [dataclasses.asdict(pack) for pack in make_packs(rows, 200, seed=0)]


def logits(model, implementation: str, batch, packs) -> torch.Tensor:
    """Of the packs' tokens, padding left out."""
    choice = dataclasses.replace(choose_attention("cpu", "shared"), implementation=implementation)
    choice.use_in(model)
    with torch.no_grad():
        found = model(**{name: part for name, part in batch.items() if name != "labels"}, use_cache=False).logits
    return torch.cat([found[row, : len(pack["input_ids"])] for row, pack in enumerate(packs)])


@pytest.mark.parametrize("implementation", [SEGMENTS, "eager"])
def test_attentions_of_a_pack_agree(model, packs, implementation) -> None:
    """Two packs of unlike length in a batch, so that padding is tried, too."""
    assert len(packs) > 1
    assert len({len(pack["input_ids"]) for pack in packs}) > 1
    wanted = logits(model, "sdpa", choose_attention("cpu", "shared", "sdpa").collate(packs), packs)
    choice = dataclasses.replace(choose_attention("cpu", "shared"), implementation=implementation)
    found = logits(model, implementation, choice.collate(packs), packs)
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.abs().max().item())


def test_flex_attention_agrees_with_sdpa(model, packs) -> None:
    """Forward alone: torch has no gradient of flex attention on a CPU. Uncompiled: that needs no compiler here."""
    wanted = logits(model, "sdpa", choose_attention("cpu", "shared", "sdpa").collate(packs), packs)
    with torch.compiler.set_stance("force_eager"):
        found = logits(model, FLEX, with_blocks(packs, "cpu"), packs)
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.parametrize("implementation", [SEGMENTS, FLEX])
def test_a_model_that_trains_on_packs_generates_as_ever(model, tokenizer, implementation) -> None:
    """Execution accuracy is measured in the midst of training, by batches padded on the left."""
    tokenizer.padding_side = "left"
    batch = tokenizer(["FROM singer", "FROM singer |> WHERE Age > 20"], return_tensors="pt", padding=True)
    answers = {}
    for name in ("sdpa", implementation):
        dataclasses.replace(choose_attention("cpu", "shared"), implementation=name).use_in(model)
        answers[name] = model.generate(**batch, max_new_tokens=8, do_sample=False)
    assert torch.equal(answers["sdpa"], answers[implementation])


@pytest.mark.parametrize(
    ("device", "packing", "wanted", "sentence"),
    [
        ("cuda", "shared", "flash_attention_2", "has causal masks only"),
        ("cpu", "bfd", "flash_attention_2", "needs a CUDA device and the package flash-attn"),
        ("cpu", "shared", "flex_attention", "has no gradient on a CPU"),
    ],
)
def test_an_attention_that_cannot_be_is_refused(device, packing, wanted, sentence) -> None:
    with pytest.raises(BadInput, match=sentence):
        choose_attention(device, packing, wanted)


def test_the_attention_fits_device_and_packing(monkeypatch) -> None:
    monkeypatch.setattr("pipesql.finetune.attention.choose.importlib.util.find_spec", lambda name: None)
    assert choose_attention("cuda:0", "shared").implementation == "sdpa"
    assert choose_attention("cuda:0", "bfd").implementation == "sdpa"
    monkeypatch.setattr("pipesql.finetune.attention.choose.importlib.util.find_spec", lambda name: object())
    assert choose_attention("cuda:0", "shared").implementation == FLEX
    assert choose_attention("cuda:0", "bfd").implementation == "flash_attention_2"
    assert choose_attention("cpu", "shared").implementation == choose_attention("cpu", "bfd").implementation == SEGMENTS
    assert {choose_attention(device, "none").implementation for device in ("cpu", "cuda")} == {"sdpa"}
    assert choose_attention("cuda", "shared", "eager").line == "attention: eager (set by the recipe)"
