"""Models of published shapes with random weights: what training costs does not depend on what the weights say."""

from __future__ import annotations

from typing import Any

import torch

from pipesql.finetune.plan.memory import QWEN, Shape

TINY = Shape(128, 2, 4, 2, 32, 256, 1024, True, True)
SHAPES = {**QWEN, "tiny": TINY}
"""Qwen2.5's shapes by size, and a small one to try a script with."""


def random_model(shape: str, device: str, four_bit: bool = False) -> Any:
    """A Qwen2 of that shape on the device, in bfloat16 on CUDA and float32 elsewhere. With `four_bit` its linear layers
    are nf4 with double quantisation, made one by one, so that the whole never stands there in 16 bits."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    widths = SHAPES[shape]
    config = Qwen2Config(
        vocab_size=widths.vocabulary,
        hidden_size=widths.hidden,
        intermediate_size=widths.intermediate,
        num_hidden_layers=widths.layers,
        num_attention_heads=widths.heads,
        num_key_value_heads=widths.kv_heads,
        tie_word_embeddings=widths.tied,
        max_position_embeddings=32_768,
        rope_theta=1e6,
        rms_norm_eps=1e-6,
        bos_token_id=0,
        eos_token_id=0,
    )
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
