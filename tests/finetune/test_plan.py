"""Forecasts: what can be counted is counted exactly, what is reckoned is held against what torch keeps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from peft import get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig

from pipesql.cli.main import main
from pipesql.errors import BadInput, NotEnoughMemory
from pipesql.finetune.plan.devices import CARDS, Device, device_of
from pipesql.finetune.plan.forecast import (
    alternatives,
    folder_work,
    forecast,
    require_memory,
    spider_work,
)
from pipesql.finetune.plan.memory import SMOL, choose_checkpointing, memory_terms, shape_from, shape_of
from pipesql.finetune.plan.text import table
from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.sft.build import lora_config, quantization
from pipesql.models import resolve_model
from pipesql.models.load import load_model

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "planning.md"
CPU = Device("a CPU", "cpu", 8e9, 1e11, bf16=False)
LORA = dataclasses.replace(recipe_for("tiny", "tiny"), target_modules="all-linear")


@pytest.fixture
def tiny():
    return load_model(resolve_model("tiny"), "cpu", torch.float32)


def smol_on_paper():
    """A model of smol's shape that holds no numbers."""
    config = LlamaConfig(
        vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def count(model, trained: bool = False) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trained)


def test_parameters_are_those_of_the_models(tiny) -> None:
    assert shape_of("tiny").parameters == count(tiny)
    assert shape_from(tiny.config.to_dict(), "tiny") == shape_of("tiny")
    paper = smol_on_paper()
    assert shape_from(paper.config.to_dict(), "smol") == SMOL
    assert SMOL.parameters == count(paper) == 134_515_008


@pytest.mark.parametrize(
    ("model", "published"),
    [("0.5b", 494_032_768), ("1.5b", 1_543_714_304), ("3b", 3_085_938_688), ("7b", 7_615_616_512)],
)
def test_parameters_of_qwen_are_those_that_the_hub_publishes(model, published) -> None:
    assert shape_of(model).parameters == published
    assert shape_of(f"Qwen/Qwen2.5-Coder-{model.upper()}-Instruct").parameters == published


@pytest.mark.parametrize("targets", ["all-linear", "down_proj"])
def test_an_adapter_has_as_many_weights_as_peft_gives_it(tiny, targets) -> None:
    config = lora_config(LORA)
    config.target_modules = targets if targets == "all-linear" else [targets]
    for shape, model in ((shape_of("tiny"), tiny), (SMOL, smol_on_paper())):
        assert shape.adapter_parameters(8, targets) == count(get_peft_model(model, config), trained=True)
    with pytest.raises(BadInput, match="use all-linear or one of q_proj"):
        SMOL.adapter_parameters(8, "every second")


def kept_bytes(model, tokens: int) -> int:
    """Bytes that autograd keeps of one forward pass, each storage once, weights not counted."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    storages: dict[int, int] = {}
    held = []  # what is freed could give its address to another

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
            held.append(storage)
        return tensor

    ids = torch.randint(3, 500, (1, tokens))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        (model.get_base_model() if hasattr(model, "peft_config") else model).model(input_ids=ids, use_cache=False)
    return sum(storages.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("lora", "dropout"), [(False, 0.0), (True, 0.0), (True, 0.05)])
def test_activations_are_near_what_autograd_keeps(tiny, lora, dropout, precision) -> None:
    """Without the output layer, whose logits are a term of their own."""
    tokens, recipe = 512, dataclasses.replace(LORA, use_peft=lora, precision=precision, lora_dropout=dropout)
    model = get_peft_model(tiny, lora_config(recipe)) if lora else tiny.requires_grad_(True)
    model.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        kept = kept_bytes(model, tokens)
    copies = memory_terms(shape_of("tiny"), recipe, CPU, False, tokens).get("copies in bfloat16", 0.0)
    reckoned = memory_terms(shape_of("tiny"), recipe, CPU, False, tokens)["activations"]
    assert reckoned == pytest.approx(kept - copies, rel=0.15)


@pytest.mark.parametrize("double", [True, False])
def test_weights_in_four_bits_are_as_large_as_bitsandbytes_makes_them(double) -> None:
    recipe = dataclasses.replace(LORA, load_in_4bit=True, bnb_4bit_use_double_quant=double)
    model = load_model(resolve_model("tiny"), "cpu", torch.float32, quantization(recipe, "cpu"))
    stored = 0
    for weight in model.parameters():
        stored += weight.numel() * weight.element_size()
        if (state := getattr(weight, "quant_state", None)) is not None:
            stored += state.absmax.numel() * state.absmax.element_size()
            if state.nested:
                stored += state.state2.absmax.numel() * 4
    assert memory_terms(shape_of("tiny"), recipe, CPU, False, 1)["weights"] == pytest.approx(stored, rel=0.01)


def test_checkpointing_trades_memory_for_time() -> None:
    recipe = dataclasses.replace(recipe_for("1.5b", "1.5b"), activation_checkpointing="off")
    work = spider_work(recipe)
    off = forecast("1.5b", recipe, CARDS["h100"], work)
    on = forecast("1.5b", dataclasses.replace(recipe, activation_checkpointing="on"), CARDS["h100"], work)
    assert on.terms["activations"] < off.terms["activations"] / 10
    assert 1.3 < on.seconds / off.seconds < 1.6
    auto = dataclasses.replace(recipe, activation_checkpointing="auto")
    assert not forecast("1.5b", auto, CARDS["h100"], work).checkpointing
    assert forecast("1.5b", auto, CARDS["rtx4080"], work).checkpointing


def test_training_computes_again_where_the_forecast_says_so() -> None:
    config, recipe = smol_on_paper().config.to_dict(), recipe_for("smol", "smol")
    assert choose_checkpointing(config, recipe, CPU, 1280) == (False, "")
    again, why = choose_checkpointing(config, recipe, dataclasses.replace(CPU, memory=3e9), 1280)
    assert again
    assert why.startswith("activation checkpointing: on (without it")
    unknown, why = choose_checkpointing({"model_type": "mamba"}, recipe, CPU, 1280)
    assert unknown
    assert "has model_type 'mamba'" in why
    assert choose_checkpointing(config, dataclasses.replace(recipe, activation_checkpointing="on"), CPU, 1) == (
        True,
        "",
    )


@pytest.mark.parametrize(
    ("model", "memory", "said"),
    [
        ("7b", 8e9, r"7b with recipe 7b needs 9\.8 GB, but a card has 8\.0 GB; model 1\.5b with recipe 1\.5b fits"),
        ("1.5b", 5e9, r"has 5\.0 GB; with load_in_4bit: true, activation_checkpointing: on it fits"),
        ("7b", 1e9, r"no model of pipesql fits in it; choose a device with more memory"),
    ],
)
def test_what_cannot_fit_is_refused_with_what_would(model, memory, said) -> None:
    recipe = recipe_for("auto", model)
    found = forecast(model, recipe, Device("a card", "cuda", memory, 1e14), spider_work(recipe))
    with pytest.raises(NotEnoughMemory, match=said):
        require_memory(found)
    assert all(one.fits for one in alternatives(found))


def test_a_data_folder_is_counted_as_training_packs_it(tmp_path) -> None:
    from pipesql.storage import write_jsonl
    from tests.finetune.test_training import sample

    samples = [sample(number, db) for db in ("music", "shop") for number in range(12)]
    for split in ("train", "dev"):
        write_jsonl(tmp_path / f"samples.{split}.jsonl", samples)
    packed = folder_work(tmp_path, recipe_for("tiny", "tiny"), "tiny")
    single = folder_work(tmp_path, dataclasses.replace(recipe_for("tiny", "tiny"), packing="none"), "tiny")
    assert (packed.queries, single.rows, packed.targets) == (24, 24, single.targets)
    assert packed.tokens < 0.7 * single.tokens
    assert packed.rows == -(-packed.tokens // 512)
    assert packed.steps(recipe_for("tiny", "tiny")) == 20


def test_the_command_prints_a_verdict_and_exits_by_it() -> None:
    run = CliRunner().invoke
    fits = run(main, ["plan", "-P", "model=7b", "--device", "rtx4080"])
    assert (fits.exit_code, fits.output.splitlines()[-1].split()) == (0, ["verdict", "fits"])
    row = json.loads(run(main, ["plan", "--model", "7b", "--device", "h100", "--json", "-P", "r=32"]).output)
    assert (row["parameters"], row["fits"], row["recipe"]) == (7_615_616_512, True, "7b")
    small = run(main, ["plan", "--model", "7b", "--device", "rtx4080", "--memory", "8"])
    assert small.exit_code == 1
    assert "fits (" in small.output
    for words, said in (
        (["--model", "some/thing"], "or fetch only that file with `hf download some/thing config.json`"),
        (["--device", "rtx9"], "there is no device 'rtx9'; use auto, cpu, cuda, or one of t4"),
        (["-P", "lerning_rate=1"], "did you mean learning_rate?"),
        (["-P", "r"], "-P 'r' sets nothing: write KEY=VALUE"),
    ):
        wrong = run(main, ["plan", *words])
        assert (wrong.exit_code, said in wrong.output) == (2, True), wrong.output


def test_this_machine_is_a_device_too() -> None:
    device = device_of("cpu", memory_gb=4)
    assert device.memory == 4e9
    assert device.flops > 1e9


def test_the_page_has_the_table_that_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["plan", "--table"]).output.strip()
    assert printed == table()
    page = PAGE.read_text(encoding="utf-8")
    assert printed in page, "put the output of `pipesql plan --table` into docs/guides/planning.md"
