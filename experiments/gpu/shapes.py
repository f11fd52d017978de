"""Models of published shapes with random weights: what training costs does not depend on what the weights say."""

from __future__ import annotations

from typing import Any

import torch

_QWEN = {"max_position_embeddings": 32768, "rope_theta": 1e6, "rms_norm_eps": 1e-6}
SHAPES: dict[str, dict[str, Any]] = {
    "1.5b": {
        **_QWEN,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
    "7b": {
        **_QWEN,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "tiny": {
        **_QWEN,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 1024,
        "tie_word_embeddings": True,
    },
}
"""Qwen2.5's configurations by size, and a small one to try a script with."""


def random_model(shape: str, device: str, four_bit: bool = False) -> Any:
    """A Qwen2 of that shape on the device, in bfloat16 on CUDA and float32 elsewhere. With `four_bit` its linear layers
    are nf4 with double quantisation, made one by one, so that the whole never stands there in 16 bits."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    config = Qwen2Config(**SHAPES[shape], bos_token_id=0, eos_token_id=0)
    if not four_bit:
        with torch.device(device):
            return AutoModelForCausalLM.from_config(config, dtype=dtype)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    _quantise(model, device, dtype)
    _fill(model, device, dtype)
    model.is_loaded_in_4bit = True  # what PEFT and TRL ask for
    return model


def _quantise(model: Any, device: str, dtype: torch.dtype) -> None:
    """Put a layer in 4 bits in place of each linear one but the head, as bitsandbytes' own loading does."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for name, module in list(model.named_modules()):
        if type(module) is not torch.nn.Linear or name == "lm_head":
            continue
        bias = module.bias is not None
        layer = Linear4bit(
            module.in_features,
            module.out_features,
            bias,
            dtype,
            compress_statistics=True,
            quant_type="nf4",
            device="meta",
        )
        weight = torch.randn(module.out_features, module.in_features, device=device, dtype=dtype) * 0.02
        layer.weight = Params4bit(weight.cpu(), requires_grad=False, compress_statistics=True, quant_type="nf4").to(
            device
        )
        model.set_submodule(name, layer)


def _fill(model: Any, device: str, dtype: torch.dtype) -> None:
    """Give all that is not quantised numbers: norms 1, biases 0, the rest small."""
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.device.type == "meta":
                made = torch.empty(weight.shape, device=device, dtype=dtype)
                if weight.dim() > 1:
                    made.normal_(std=0.02)
                else:
                    made.fill_(0.0 if name == "bias" else 1.0)
                setattr(module, name, torch.nn.Parameter(made, requires_grad=False))
    model.tie_weights()
    # Frequencies of the rotary positions are no parameters: made anew.
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config).to(device)
