"""Whether a CPU computes in bfloat16 by itself, and how much faster that is.

A CPU with the instructions for it (AVX512-BF16, AMX) multiplies matrices of bfloat16 about twice as fast as those of
float32; one without them emulates it, thirty times slower. What the CPU says of itself is asked first, and a short
measurement has the last word, so that an emulating one is never taken for the other.

A base model in 4 bits, as QLoRA trains on it (arXiv 2305.14314), by bitsandbytes: on CUDA, and on CPUs for tests.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig

INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""Names of `torch.cpu.get_capabilities` that mean multiplication in bfloat16 (x86, then Arm)."""

SIZE = 384
"""Rows and columns of the matrices that are measured: 1 ms a product in float32 on two cores."""
ROUNDS = 5


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies matrices faster in bfloat16 than in float32; measured once a process (20 ms)."""
    return says_bf16() and bf16_speedup() > 1


def says_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16, by its own account."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


def bf16_speedup() -> float:
    """How many times as fast as in float32 a product of matrices is in bfloat16; the best of a few rounds of each."""
    import torch

    return _seconds(torch.float32) / _seconds(torch.bfloat16)


def _seconds(dtype: torch.dtype) -> float:
    import torch

    matrix = torch.ones(SIZE, SIZE, dtype=dtype)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(ROUNDS + 1):  # the first one also prepares the kernel
            start = time.perf_counter()
            matrix @ matrix
            best = min(best, time.perf_counter() - start)
    return best


@dataclass(frozen=True)
class Quantization:
    """How linear layers are stored (`nf4` or `fp4`, their scales quantised once more or not) and computed."""

    quant_type: str
    double_quant: bool
    compute_dtype: torch.dtype

    def config(self) -> BitsAndBytesConfig:
        """The same for transformers."""
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.quant_type,
            bnb_4bit_use_double_quant=self.double_quant,
            bnb_4bit_compute_dtype=self.compute_dtype,
        )
