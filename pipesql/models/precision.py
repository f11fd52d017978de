"""Precision: whether a CPU computes in bfloat16, and base models in 4 bits.

A CPU with the instructions for bfloat16 (AVX512-BF16, AMX) multiplies its matrices about twice as fast as those of
float32; one without them emulates it, thirty times slower. So a CPU must claim the instructions, and a short
measurement must confirm them.

4-bit bases are those of QLoRA (arXiv 2305.14314), by bitsandbytes: on CUDA, and on CPUs for tests.
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
"""Names in `torch.cpu.get_capabilities` that mean multiplication in bfloat16 (x86, then Arm)."""

SIZE = 384
"""Rows and columns of the matrices that are multiplied: 1 ms a product in float32 on two cores."""
ROUNDS = 5


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies matrices faster in bfloat16 than in float32; measured once a process (20 ms)."""
    return says_bf16() and bf16_speedup() > 1


def says_bf16() -> bool:
    """Whether the CPU claims instructions for bfloat16."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


def bf16_speedup() -> float:
    """Speed of a matrix product in bfloat16 as a multiple of float32's; the best of a few rounds of each."""
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
    """How linear layers are stored (`nf4` or `fp4`, with scales quantised again or not) and computed."""

    quant_type: str
    double_quant: bool
    compute_dtype: torch.dtype

    def config(self) -> BitsAndBytesConfig:
        """The configuration for transformers."""
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.quant_type,
            bnb_4bit_use_double_quant=self.double_quant,
            bnb_4bit_compute_dtype=self.compute_dtype,
        )
