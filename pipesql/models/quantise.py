"""A base model in 4 bits, as QLoRA trains on it (arXiv 2305.14314), by bitsandbytes: on CUDA, and on CPUs for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig


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
