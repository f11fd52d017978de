"""Load the weights and the tokenizer of a resolved model: safetensors only, never code that a model brings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from pipesql.models.precision import Quantization

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(device: str = "auto") -> str:
    """`auto` is CUDA where there is one, else the CPU; anything else is returned as given."""
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def compute_dtype(device: str, precision: Precision = "auto") -> torch.dtype:
    """The type to compute in, by `precision`.

    `auto` is bfloat16 on GPUs that have it, else float16; on a CPU float32, so that an answer does not depend on the
    others in its batch. A CPU that has bfloat16 decodes almost twice as fast in it (docs/guides/decoding.md).
    """
    import torch

    if precision != "auto":
        return torch.float32 if precision == "float32" else torch.bfloat16
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def load_model(
    source: ModelSource,
    device: str = "auto",
    dtype: torch.dtype | None = None,
    quantization: Quantization | None = None,
) -> PreTrainedModel:
    """Load the model in evaluation mode on `device`, in `dtype` (default: `compute_dtype`).

    With `quantization` its linear layers are in 4 bits (bitsandbytes), the rest in the type that it computes in.
    Raises ModelUnavailable where the folder does not hold a causal language model that can be loaded.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    quiet_unless_terminal()
    device = choose_device(device)
    options: dict[str, Any] = {
        "dtype": dtype or compute_dtype(device),
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
    }
    if quantization is not None:
        options |= {"quantization_config": quantization.config(), "device_map": {"": device}}
        options["dtype"] = dtype or quantization.compute_dtype
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(source.path, **options)
    except (OSError, ValueError, SafetensorError) as e:
        raise ModelUnavailable(
            f"model {source.name} at {source.path} cannot be loaded: {_first_line(e)}; download the whole model again"
        ) from e
    if quantization is None:
        model.to(device)
    model.eval()
    return model


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Load the tokenizer; without a padding token, its end token pads. Raises ModelUnavailable."""
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            source.path, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError) as e:
        raise ModelUnavailable(
            f"the tokenizer at {source.path} cannot be loaded: {_first_line(e)}; download the whole model again"
        ) from e
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def quiet_unless_terminal() -> None:
    """Keep transformers' progress bars out of logs: in a file each redraw is a line."""
    from transformers.utils import logging

    if not sys.stderr.isatty():
        logging.disable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
