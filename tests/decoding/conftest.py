"""A random Qwen2 of a few thousand weights over single bytes: quick, and it does write both markers."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def byte_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return fast


@pytest.fixture(scope="session")
def byte_model(byte_tokenizer):
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM, set_seed

    from pipesql.chat.template import markers

    set_seed(2)
    config = Qwen2Config(
        vocab_size=len(byte_tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        initializer_range=0.4,
    )
    model = Qwen2ForCausalLM(config).eval()
    marks = markers(byte_tokenizer)
    with torch.no_grad():  # longer rows win the greedy choice more often: markers come about every tenth token
        model.lm_head.weight[[marks.step, marks.end]] *= 2.2
    return model
