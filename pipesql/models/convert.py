"""A GGUF file becomes a folder that transformers loads: weights as safetensors, configuration, tokenizer.

Tensors are read, unpacked and written some rows at a time, so memory holds neither the model nor its largest matrix.
The weights are stored in bfloat16, the type in which they were released: its rounding (at most 1/256 of a weight) is
far finer than that of the blocks, at half the size of float32.

Where the file holds the tied matrix twice, as embedding and as output layer in different blocks, the copy in the finer
blocks serves as both: the matrix is one, as in the original. GGUF names the rule that splits a text before its merges,
but does not hold it: `SPLITS` has it, with the normalizer that belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.errors import ModelUnavailable

if TYPE_CHECKING:
    import numpy
    from transformers import PreTrainedTokenizerFast

CHUNK = 1 << 22
"""Elements that are unpacked at once: 16 MB in float32."""
QWEN2_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {"qwen2": (QWEN2_PIECES, "NFC"), "smollm": ("", "")}
"""llama.cpp's name for a rule → the pattern of its pieces (none: single digits, then GPT-2's pattern), normalizer."""
ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
CONTROL, USER_DEFINED, UNUSED = 3, 4, 5
"""Kinds of tokens in GGUF (`gguf.TokenType`)."""
TIED_WITHIN = 0.15
"""Two copies of one matrix in different blocks differ by less than this share of its size (root mean square)."""


def convert(path: Path, folder: Path, heads: int) -> None:
    """Write the model in the GGUF file `path` to `folder`; `heads` is how often it must hold the tied matrix.

    Raises ModelUnavailable where the file holds something else than a tied model of a known architecture.
    """
    from gguf import GGUFReader
    from transformers import GenerationConfig

    reader = GGUFReader(path)
    architecture = str(reader.fields["general.architecture"].contents())
    if architecture not in ARCHITECTURES:
        raise ModelUnavailable(f"{path.name} holds a model of type {architecture}, not {' or '.join(ARCHITECTURES)}")
    values = {name.removeprefix(f"{architecture}."): field.contents() for name, field in reader.fields.items()}
    config = _config(architecture, values)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    _write_weights(folder / "model.safetensors", _weights(path, tensors, config, heads))
    config.save_pretrained(folder)
    GenerationConfig.from_model_config(config).save_pretrained(folder)
    _tokenizer(values).save_pretrained(folder)


def _config(architecture: str, values: dict[str, Any]) -> Any:
    """The configuration of transformers for what the file says."""
    from transformers import AutoConfig

    unknown = values.get("tokenizer.ggml.unknown_token_id")
    return AutoConfig.for_model(
        architecture,
        architectures=[ARCHITECTURES[architecture]],
        dtype="bfloat16",
        vocab_size=len(values["tokenizer.ggml.tokens"]),
        hidden_size=values["embedding_length"],
        intermediate_size=values["feed_forward_length"],
        num_hidden_layers=values["block_count"],
        num_attention_heads=values["attention.head_count"],
        num_key_value_heads=values["attention.head_count_kv"],
        max_position_embeddings=values["context_length"],
        rms_norm_eps=values["attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_theta": values["rope.freq_base"], "rope_type": "default"},
        tie_word_embeddings=True,
        bos_token_id=values.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=values["tokenizer.ggml.eos_token_id"],
        pad_token_id=values["tokenizer.ggml.padding_token_id"],
        **({} if unknown is None else {"unk_token_id": unknown}),
    )


# ---- weights


@dataclass(frozen=True)
class _Weight:
    """A weight: its name in transformers, the tensor of the file, and the heads whose rows llama.cpp reorders."""

    name: str
    tensor: Any
    heads: int = 0

    @property
    def shape(self) -> list[int]:
        return [int(size) for size in reversed(self.tensor.shape)]

    def rows(self) -> Iterator[numpy.ndarray]:
        """Its values in float32, some rows at a time."""
        import gguf

        data = self.tensor.data
        step = max(1, CHUNK // self.shape[-1]) if data.ndim > 1 and not self.heads else len(data)
        for start in range(0, len(data), step):
            values = gguf.dequantize(data[start : start + step], self.tensor.tensor_type)
            yield _in_halves(values, self.heads) if self.heads else values


def _weights(path: Path, tensors: dict[str, Any], config: Any, heads: int) -> list[_Weight]:
    """All weights of the tied model, in order of their names. Raises ModelUnavailable where the file has others."""
    import gguf

    architecture = {text: key for key, text in gguf.MODEL_ARCH_NAMES.items()}[config.model_type]
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    embedding = _tied(path, tensors, heads)
    found = []
    for name in _names(config):
        stem, _, kind = name.rpartition(".")
        tensor = tensors.get(f"{names.get_name(stem)}.{kind}") if name != EMBEDDING else embedding
        if tensor is None:
            raise ModelUnavailable(f"{path.name} lacks the weight {name}; it is not a whole model")
        reordered = config.model_type == "llama" and stem.endswith(("q_proj", "k_proj"))
        count = config.num_attention_heads if stem.endswith("q_proj") else config.num_key_value_heads
        found.append(_Weight(name, tensor, count if reordered else 0))
    return sorted(found, key=lambda weight: weight.name)


EMBEDDING = "model.embed_tokens.weight"


def _names(config: Any) -> list[str]:
    """The names of the weights of a model with this configuration, the tied output layer left out."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return [name for name, _ in model.named_parameters()]


def _tied(path: Path, tensors: dict[str, Any], heads: int) -> Any:
    """The tensor for embedding and output layer: of two copies, the one in the finer blocks.

    Raises ModelUnavailable where the file does not hold `heads` copies of one matrix.
    """
    copies = [tensors[name] for name in ("token_embd.weight", "output.weight") if name in tensors]
    apart = _difference(*copies) if len(copies) == 2 else 0.0
    if len(copies) != heads or apart > TIED_WITHIN:
        raise ModelUnavailable(
            f"{path.name} was to hold the matrix of embedding and output layer {heads} times, but it holds "
            f"{len(copies)}, {apart:.0%} apart; it is another model"
        )
    return max(copies, key=lambda tensor: tensor.n_bytes)


def _difference(one: Any, other: Any) -> float:
    """Root mean square of the difference of two tensors, as a share of the first one's; by their first rows."""
    import gguf
    import numpy

    rows = 1024
    first, second = (gguf.dequantize(tensor.data[:rows], tensor.tensor_type) for tensor in (one, other))
    if first.shape != second.shape:
        return float("inf")
    return float(numpy.sqrt(numpy.mean((first - second) ** 2) / numpy.mean(first**2)))


def _in_halves(weight: numpy.ndarray, heads: int) -> numpy.ndarray:
    """Rows of queries or keys in transformers' order: it rotates the halves of a head, llama.cpp neighbours."""
    rows = weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:])
    return rows.swapaxes(1, 2).reshape(weight.shape)


def _write_weights(path: Path, weights: list[_Weight]) -> None:
    """A safetensors file in bfloat16, the same to the byte as `save_pretrained` writes; some rows at a time."""
    import torch

    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for weight in weights:
        start, end = end, end + 2 * int(weight.tensor.n_elements)
        header[weight.name] = {"dtype": "BF16", "shape": weight.shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for weight in weights:
            for rows in weight.rows():
                file.write(torch.from_numpy(rows.copy()).to(torch.bfloat16).view(torch.int16).numpy().tobytes())


# ---- tokenizer


def _tokenizer(values: dict[str, Any]) -> PreTrainedTokenizerFast:
    """The tokenizer that the file describes, without the tokens that only fill the embedding up."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    rule = str(values["tokenizer.ggml.pre"])
    if rule not in SPLITS or values["tokenizer.ggml.model"] != "gpt2":
        raise ModelUnavailable(f"the tokenizer splits text by the rule {rule!r}; known are {', '.join(SPLITS)}")
    pattern, normalizer = SPLITS[rule]
    tokens, kinds = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    words = {token: index for index, token in enumerate(tokens) if kinds[index] != UNUSED}
    backend = Tokenizer(models.BPE(words, [tuple(m.split(" ")) for m in values["tokenizer.ggml.merges"]]))
    backend.normalizer = normalizers.NFC() if normalizer else None
    pieces = pre_tokenizers.Split(Regex(pattern), "isolated") if pattern else pre_tokenizers.Digits(True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not pattern)
    backend.pre_tokenizer = pre_tokenizers.Sequence([pieces, byte_level])
    backend.decoder = decoders.ByteLevel()
    added = [(token, kind) for token, kind in zip(tokens, kinds, strict=True) if kind in (CONTROL, USER_DEFINED)]
    backend.add_tokens([AddedToken(token, normalized=False, special=kind == CONTROL) for token, kind in added])
    special = {
        f"{name}_token": tokens[values[f"tokenizer.ggml.{key}_token_id"]]
        for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))
        if f"tokenizer.ggml.{key}_token_id" in values
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    tokenizer.chat_template = values["tokenizer.chat_template"]
    return tokenizer
