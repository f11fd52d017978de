"""A model as one GGUF file, which llama.cpp, Ollama and LM Studio run without Python.

The writer, the names of tensors and the rounding to 8 bits come from the package `gguf`, which llama.cpp's authors
maintain. What they do not publish as a library is where a model's settings and tokens go; this module knows it for
Llama and Qwen2, the architectures of the models that pipesql trains.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.errors import BadInput, InvalidOption
from pipesql.storage import whole_file

if TYPE_CHECKING:
    import numpy
    from gguf import GGUFWriter

TYPES = ("f32", "f16", "bf16", "q8_0")
"""How matrices may be stored; vectors are always float32."""
ARCHITECTURES = ("llama", "qwen2")
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Kinds of tokens in GGUF (`gguf.TokenType`)."""


def require_kind(kind: str) -> None:
    """Raise InvalidOption unless it is one of TYPES, or empty for no file."""
    if kind and kind not in TYPES:
        raise InvalidOption(f"gguf is {kind!r}, but it must be one of {', '.join(TYPES)}, or empty for no file")


def export_gguf(model: Any, tokenizer: Any, path: Path, kind: str, name: str = "") -> Path:
    """Write the model with its tokenizer and chat template to `path`, atomically; returns it.

    `kind` is one of TYPES; `name` is shown to people who open the file. Raises BadInput for another kind, for a model
    or a tokenizer that this module cannot describe in GGUF, and where the file cannot be written.
    """
    from gguf import GGUFWriter

    require_kind(kind)
    if model.config.model_type not in ARCHITECTURES:
        raise BadInput(
            f"a model of type {model.config.model_type} cannot be exported to GGUF, only "
            f"{' and '.join(ARCHITECTURES)} can; run llama.cpp's convert_hf_to_gguf.py on the saved model"
        )
    rules = _pre_tokenizer(tokenizer)
    with whole_file(path, "wb") as file:
        writer = GGUFWriter(file.name, model.config.model_type)  # it opens the file by its name
        _describe(writer, model.config, kind, name)
        _add_tokens(writer, tokenizer, rules, int(model.config.vocab_size))
        for tensor, values, stored in _tensors(model, kind):
            writer.add_tensor(tensor, values, raw_dtype=stored)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return path


def _describe(writer: GGUFWriter, config: Any, kind: str, name: str) -> None:
    """The settings of the model."""
    from gguf import LlamaFileType

    files = {
        "f32": LlamaFileType.ALL_F32, "f16": LlamaFileType.MOSTLY_F16, "bf16": LlamaFileType.MOSTLY_BF16,
        "q8_0": LlamaFileType.MOSTLY_Q8_0,
    }  # fmt: skip
    heads = int(config.num_attention_heads)
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    writer.add_name(name or "pipesql")
    writer.add_file_type(files[kind])
    writer.add_vocab_size(int(config.vocab_size))
    writer.add_context_length(int(config.max_position_embeddings))
    writer.add_embedding_length(int(config.hidden_size))
    writer.add_block_count(int(config.num_hidden_layers))
    writer.add_feed_forward_length(int(config.intermediate_size))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.num_key_value_heads))
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(float(config.rms_norm_eps))


def _pre_tokenizer(tokenizer: Any) -> str:
    """llama.cpp's name for the rule that splits text before its merges. Raises BadInput for an unknown rule."""
    rule = json.loads(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"]
    parts = rule["pretokenizers"] if rule and rule["type"] == "Sequence" else [rule]
    kinds = [part["type"] if part else "" for part in parts]
    if kinds == ["Digits", "ByteLevel"] and parts[0]["individual_digits"]:
        return "smollm"
    if kinds == ["Split", "ByteLevel"] and r"|\p{N}|" in parts[0]["pattern"].get("Regex", ""):
        return "qwen2"
    if kinds == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt-2"
    raise BadInput(
        f"a tokenizer that splits text by {' and '.join(kinds)} cannot be exported to GGUF; "
        "run llama.cpp's convert_hf_to_gguf.py on the saved model"
    )


def _add_tokens(writer: GGUFWriter, tokenizer: Any, rules: str, size: int) -> None:
    """Tokens with their kinds, merges, special tokens and the chat template."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    if model["type"] != "BPE":
        raise BadInput(
            f"a tokenizer of type {model['type']} cannot be exported to GGUF, only BPE can; "
            "run llama.cpp's convert_hf_to_gguf.py on the saved model"
        )
    by_id = {index: text for text, index in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    tokens, kinds = [], []
    for index in range(size):
        tokens.append(by_id.get(index, f"[PAD{index}]"))
        special = CONTROL if index in added and added[index].special else USER_DEFINED
        kinds.append(UNUSED if index not in by_id else special if index in added else NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rules)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)


def _tensors(model: Any, kind: str) -> Iterator[tuple[str, numpy.ndarray, Any]]:
    """(name in GGUF, values, how they are stored) of every weight except an output layer that is the embedding."""
    import gguf

    config = model.config
    architecture = {text: key for key, text in gguf.MODEL_ARCH_NAMES.items()}[config.model_type]
    names = gguf.get_tensor_name_map(architecture, int(config.num_hidden_layers))
    stored = gguf.GGMLQuantizationType[kind.upper()]
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = weight.detach().float().cpu().numpy()
        if config.model_type == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            values = _interleaved(values, int(heads))
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise BadInput(
                f"the weight {name} of a {config.model_type} model has no name in GGUF; "
                "run llama.cpp's convert_hf_to_gguf.py on the saved model"
            )
        # A row whose length is not a multiple of the block keeps 16 bits, as in llama.cpp.
        block = gguf.GGML_QUANT_SIZES[stored][0]
        suits = stored if values.ndim > 1 and values.shape[-1] % block == 0 else gguf.GGMLQuantizationType.F16
        as_stored = gguf.GGMLQuantizationType.F32 if values.ndim == 1 else suits
        yield found, gguf.quantize(values, as_stored), as_stored


def _interleaved(weight: numpy.ndarray, heads: int) -> numpy.ndarray:
    """Rows of queries or keys in llama.cpp's order: it rotates neighbours, transformers the two halves of a head."""
    rows = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return rows.swapaxes(1, 2).reshape(weight.shape)
