"""A model written as GGUF is the same model when transformers reads it back."""

from __future__ import annotations

import copy

import pytest
import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, LlamaConfig, LlamaForCausalLM

from pipesql.chat.template import TEMPLATE
from pipesql.errors import BadInput
from pipesql.merge.gguf import _pre_tokenizer, export_gguf
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer

TEXT = "FROM singer\n|> WHERE Age > 20 AND name LIKE '%é%'"


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = load_tokenizer(resolve_model("tiny"))
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def llama(tokenizer, tied: bool = True):
    """Of smol's kind, small: grouped keys, and heads whose halves are not their neighbours."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=96, intermediate_size=160, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=tied, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0}, initializer_range=0.2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def qwen2(tokenizer):
    return load_model(resolve_model("tiny"), "cpu", torch.float32)


def logits(model, ids) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].float()


@pytest.mark.parametrize(("kind", "near"), [("f32", 1e-4), ("f16", 2e-2), ("bf16", 2e-1), ("q8_0", 3e-1)])
@pytest.mark.parametrize("make", [llama, qwen2])
def test_read_back_it_computes_the_same(make, kind, near, tokenizer, tmp_path) -> None:
    model = make(tokenizer)
    path = export_gguf(model, tokenizer, tmp_path / "model.gguf", kind)
    back = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=path.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    ).eval()
    ids = tokenizer(TEXT)["input_ids"]
    expected = logits(model, ids)
    assert (logits(back, ids) - expected).abs().max() < near * expected.std()
    assert [p.name for p in tmp_path.iterdir()] == ["model.gguf"]


def test_the_tokenizer_goes_along(tokenizer, tmp_path) -> None:
    path = export_gguf(llama(tokenizer), tokenizer, tmp_path / "model.gguf", "f16")
    back = AutoTokenizer.from_pretrained(tmp_path, gguf_file=path.name)
    assert back(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    fields = GGUFReader(path).fields
    assert fields["tokenizer.chat_template"].contents() == TEMPLATE
    assert fields["tokenizer.ggml.eos_token_id"].contents() == tokenizer.eos_token_id
    assert fields["tokenizer.ggml.pre"].contents() == "qwen2"
    special = {tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>", "<|endoftext|>")}
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert {index for index, kind in enumerate(kinds) if kind == 3} == special


def test_the_rule_that_cuts_text_is_called_as_llama_cpp_calls_it(tokenizer) -> None:
    cut = copy.deepcopy(tokenizer)
    assert _pre_tokenizer(cut) == "qwen2"
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    cut.backend_tokenizer.pre_tokenizer = byte_level
    assert _pre_tokenizer(cut) == "gpt-2"
    cut.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level])
    assert _pre_tokenizer(cut) == "smollm"
    cut.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(BadInput, match="a tokenizer that splits text by Whitespace"):
        _pre_tokenizer(cut)


def test_an_output_layer_of_its_own_is_written_and_a_tied_one_is_not(tokenizer, tmp_path) -> None:
    for tied in (True, False):
        path = export_gguf(llama(tokenizer, tied), tokenizer, tmp_path / f"{tied}.gguf", "q8_0")
        assert ("output.weight" in {tensor.name for tensor in GGUFReader(path).tensors}) is not tied


def test_what_has_no_words_in_gguf_is_refused(tokenizer, tmp_path) -> None:
    model = llama(tokenizer)
    with pytest.raises(BadInput, match="gguf is 'q3', but it must be one of f32, f16, bf16, q8_0"):
        export_gguf(model, tokenizer, tmp_path / "model.gguf", "q3")
    model.config.model_type = "mamba"
    with pytest.raises(BadInput, match="a model of type mamba cannot be exported to GGUF"):
        export_gguf(model, tokenizer, tmp_path / "model.gguf", "f16")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        export_gguf(llama(tokenizer), tokenizer, tmp_path / "file" / "model.gguf", "f16")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
