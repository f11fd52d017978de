"""What else is merged: checkpoints by name, full models, adapters of a 4-bit base; and adapters of another base."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipesql.errors import BadInput
from pipesql.finetune.sft.checkpoints import Checkpoints
from pipesql.finetune.sft.train import train
from pipesql.merge.logit_check import example_sequences, largest_difference, logits
from pipesql.merge.merge import merge
from pipesql.models import resolve_model
from pipesql.models.load import load_model
from pipesql.models.precision import Quantization
from tests.support.tiny_training import RECIPE, write_samples

SHORT = dataclasses.replace(RECIPE, max_steps=12, eval_steps=6.0, save_steps=6.0, max_grad_norm=1.0)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    output = tmp_path_factory.mktemp("lora")
    return train(samples, resolve_model("tiny"), SHORT, output), output


def test_any_checkpoint_is_merged_by_its_name(trained) -> None:
    result, output = trained
    steps = Checkpoints(output)
    first, last = merge(steps.named("6")), merge(steps.named("last"))
    sequences = example_sequences(last.tokenizer)
    assert largest_difference(logits(first.model, sequences), logits(last.model, sequences)) > 0
    assert (first.recipe, first.layout) == ("tiny", "folded")
    assert "merge/quantised_difference" not in first.metrics()
    assert merge(result.adapter).effect == last.effect, "the last one is the best here"
    with pytest.raises(BadInput, match=r"no checkpoint '7'.*use best, last or a step \(0, 6, 12\)"):
        steps.named("7")
    with pytest.raises(BadInput, match="no checkpoint 'newest'"):
        steps.named("newest")


def test_a_fully_fine_tuned_model_needs_no_merging(samples, tmp_path) -> None:
    recipe = dataclasses.replace(SHORT, use_peft=False, learning_rate=1e-3)
    result = train(samples, resolve_model("tiny"), recipe, tmp_path)
    assert json.loads((result.adapter / "base.json").read_text())["method"] == "full"
    merged = merge(result.adapter)
    assert merged.difference == 0
    assert merged.effect > 0.1
    half = merge(result.adapter, 0.5)
    assert half.difference == 0 and 0 < half.effect < merged.effect
    assert half.scaling == 0.5 and "with scaling 0.5" in half.describe()
    assert merged.adapter_parameters == merged.parameters
    assert merge(Checkpoints(tmp_path).named("last")).effect > 0.1
    weights = load_file(result.adapter / "model.safetensors")
    assert all(w.dtype == torch.float32 for w in weights.values())


def test_a_base_in_4_bits_is_trained_on_and_merged_into_the_whole_one(samples, tmp_path) -> None:
    """bitsandbytes computes on CPUs too. Merged into the 4-bit weights themselves, the adapter's effect is rounded."""
    from peft import PeftModel

    recipe = dataclasses.replace(SHORT, load_in_4bit=True)
    result = train(samples, resolve_model("tiny"), recipe, tmp_path)
    assert json.loads((result.adapter / "base.json").read_text())["method"] == "qlora"
    assert result.summary["train/loss_last"] < 0.9 * result.summary["train/loss_first"]
    assert all(w.dtype == torch.float32 for w in load_file(result.adapter / "adapter_model.safetensors").values())
    merged = merge(result.adapter)
    assert merged.effect > 100 * merged.difference
    assert {p.dtype for p in merged.model.parameters()} == {torch.float32}

    base = load_model(merged.base, device="cpu", quantization=Quantization("nf4", True, torch.float32))
    sequences = example_sequences(merged.tokenizer)
    trained_on = PeftModel.from_pretrained(base, str(result.adapter)).eval()
    expected = logits(trained_on, sequences)
    assert merged.quantised_difference == pytest.approx(
        largest_difference(expected, logits(merged.model, sequences)), rel=1e-4
    )
    assert merged.metrics()["merge/quantised_difference"] > 10 * merged.difference
    rounded = logits(trained_on.merge_and_unload().eval(), sequences)
    assert largest_difference(expected, rounded) > 10 * merged.difference


def test_an_adapter_of_another_shape_is_refused_with_the_layer(trained, tmp_path) -> None:
    result, _ = trained
    folder = tmp_path / "adapter"
    shutil.copytree(result.adapter, folder)
    weights = load_file(folder / "adapter_model.safetensors")
    name = next(name for name in weights if name.endswith("layers.1.mlp.up_proj.lora_A.weight"))
    weights[name] = torch.zeros(weights[name].shape[0], 77)
    save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(BadInput, match=r"layers\.1\.mlp\.up_proj it has 512 x 77 weights, the base has 512 x 192"):
        merge(folder)
    save_file({name.replace("layers.1", "layers.99"): weights[name]}, folder / "adapter_model.safetensors")
    with pytest.raises(BadInput, match=r"layers\.99\.mlp\.up_proj, which the base model does not have"):
        merge(folder)
