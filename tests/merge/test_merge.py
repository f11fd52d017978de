"""Merging a real LoRA adapter into the tiny model: same numbers, and a model that stands on its own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from pipesql.chat.template import TEMPLATE, markers  # noqa: E402
from pipesql.errors import BadInput, ModelUnavailable, PipesqlError  # noqa: E402
from pipesql.merge.logit_check import example_sequences, largest_difference, logits  # noqa: E402
from pipesql.merge.merge import TOLERANCE, merge, recorded_base  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402
from pipesql.tracking import tags  # noqa: E402
from pipesql.workflows.merge import origin_tags  # noqa: E402


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> Path:
    """An adapter folder as training leaves it, with weights that change the model a lot."""
    from peft import LoraConfig, get_peft_model

    source = resolve_model("tiny")
    torch.manual_seed(0)
    model = get_peft_model(load_model(source, device="cpu"), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    folder = tmp_path_factory.mktemp("train") / "adapter"
    model.save_pretrained(folder)
    load_tokenizer(source).save_pretrained(folder)
    (folder / "base.json").write_text(
        json.dumps({"model": "tiny", "digest": source.digest, "recipe": "tiny", "layout": "folded"})
    )
    return folder


@pytest.fixture(scope="module")
def merged(adapter):
    return merge(adapter)


def test_merged_equals_base_with_adapter(adapter, merged) -> None:
    from peft import PeftModel

    assert 0 <= merged.difference <= TOLERANCE
    assert merged.effect > 100 * merged.difference, "the adapter must matter, or the comparison proves nothing"
    pair = PeftModel.from_pretrained(load_model(merged.base, device="cpu"), str(adapter)).eval()
    sequences = example_sequences(merged.tokenizer)
    assert largest_difference(logits(pair, sequences), logits(merged.model, sequences)) == merged.difference
    assert (merged.base.name, merged.recipe) == ("tiny", "tiny")
    assert merged.adapter_parameters > 0 and merged.bytes == 4 * merged.parameters


def test_merged_model_stands_on_its_own(merged, tmp_path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    merged.model.save_pretrained(tmp_path)
    merged.tokenizer.save_pretrained(tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    end = markers(tokenizer).end
    assert tokenizer.chat_template == TEMPLATE and tokenizer.eos_token_id == end
    assert model.generation_config.eos_token_id == end and not model.generation_config.do_sample
    assert not any("lora" in name for name, _ in model.named_parameters())
    sequences = example_sequences(tokenizer)
    assert largest_difference(logits(model, sequences), logits(merged.model, sequences)) == 0


@pytest.mark.parametrize("scaling", [0.25, 0.7])
def test_of_what_was_learnt_so_much_is_merged(adapter, merged, scaling) -> None:
    base = load_model(merged.base, device="cpu")
    weaker = merge(adapter, scaling)
    moved = 0
    for (name, start), whole, part in zip(
        base.named_parameters(), merged.model.parameters(), weaker.model.parameters(), strict=True
    ):
        torch.testing.assert_close(part, torch.lerp(start, whole, scaling), atol=1e-5, rtol=1e-5, msg=name)
        moved += not torch.equal(part, whole)
    assert moved and 0 < weaker.effect < merged.effect


def test_weights_are_averaged_with_those_of_other_models(adapter, merged, tmp_path) -> None:
    """Base, merged and merged at a quarter: five twelfths of the change, whatever the order."""
    for name, model in (("whole", merged), ("quarter", merge(adapter, 0.25))):
        model.model.save_pretrained(tmp_path / name)
        model.tokenizer.save_pretrained(tmp_path / name)
    one = merge(adapter, 0.25, [resolve_model("tiny"), resolve_model(str(tmp_path / "whole"))])
    other = merge(adapter, 1.0, [resolve_model(str(tmp_path / "quarter")), resolve_model("tiny")])
    base = load_model(merged.base, device="cpu")
    for start, whole, mean, too in zip(
        *(model.parameters() for model in (base, merged.model, one.model, other.model)), strict=True
    ):
        torch.testing.assert_close(mean, torch.lerp(start, whole, 1.25 / 3), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(mean, too, atol=1e-5, rtol=1e-5)
    assert one.averaged == (resolve_model("tiny").description, "local folder whole")
    assert f"averaged with {' and '.join(one.averaged)};" in one.describe()
    train, run = SimpleNamespace(run_id="t1", tags={}), SimpleNamespace(run_id="m1")
    assert origin_tags(one, train, run)[tags.AVERAGED] == ", ".join(one.averaged)


def test_models_of_other_shapes_are_not_averaged(adapter, tmp_path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    source = resolve_model("tiny")
    config = AutoConfig.from_pretrained(source.path)
    config.intermediate_size += 8
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    load_tokenizer(source).save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="cannot be averaged"):
        merge(adapter, average=[resolve_model(str(tmp_path))])


@pytest.mark.parametrize("scaling", [0.0, -1.0, 1.01, float("nan")])
def test_no_other_scaling(adapter, scaling) -> None:
    with pytest.raises(BadInput, match="above 0 and at most 1"):
        merge(adapter, scaling)


def test_a_changed_base_is_refused(adapter, tmp_path) -> None:
    copy = _copy(adapter, tmp_path)
    (copy / "base.json").write_text(
        json.dumps({"model": "tiny", "digest": "0" * 64, "recipe": "tiny", "layout": "folded"})
    )
    with pytest.raises(ModelUnavailable, match="has changed"):
        merge(copy)


@pytest.mark.parametrize("record", [None, "{", "[]", '{"model": "tiny"}'])
def test_an_adapter_without_its_base_is_refused(tmp_path, record: str | None) -> None:
    if record is not None:
        (tmp_path / "base.json").write_text(record)
    with pytest.raises(BadInput, match=r"base\.json"):
        recorded_base(tmp_path)


def test_an_adapter_that_is_not_finite_is_refused(adapter, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    copy = _copy(adapter, tmp_path)
    weights = load_file(copy / "adapter_model.safetensors")
    next(iter(weights.values())).fill_(float("nan"))
    save_file(weights, copy / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PipesqlError, match="train it again"):
        merge(copy)


def test_a_damaged_adapter_is_refused(adapter, tmp_path) -> None:
    copy = _copy(adapter, tmp_path)
    (copy / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        merge(copy)


def _copy(adapter: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(adapter, folder / "adapter"))
