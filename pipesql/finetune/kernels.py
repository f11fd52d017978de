"""Fused kernels on CUDA, where the package liger-kernel is installed (extra `cuda`): RMSNorm, rotary positions, SwiGLU.

The loss is left alone: TRL's own head is fused already. TRL's `use_liger_kernel` is deprecated, and the kernels of the
hub that it recommends are fetched over the network at run time, which training here never does.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

PATCHES = {"llama": "apply_liger_kernel_to_llama", "qwen2": "apply_liger_kernel_to_qwen2"}
"""`model_type` of a configuration → the function of `liger_kernel.transformers` that fits it."""


def use_fused_kernels(model: Any, device: str) -> str:
    """Give a model on CUDA fused kernels if they are here, before an adapter is put on it; one line that says so.

    The rotary positions are exchanged for every model of that architecture in this process, so none of them can run
    on the CPU from then on.
    """
    if not device.startswith("cuda"):
        return ""
    if not importlib.util.find_spec("liger_kernel"):
        return "kernels: torch's own; pip install 'pipesql[cuda]' brings fused ones"
    name = PATCHES.get(model.config.model_type)
    if name is None:
        return f"kernels: torch's own; liger-kernel is not used for models of type {model.config.model_type}"
    patch = getattr(importlib.import_module("liger_kernel.transformers"), name)
    patch(rope=True, rms_norm=True, swiglu=True, cross_entropy=False, fused_linear_cross_entropy=False, model=model)
    return "kernels: liger-kernel for RMSNorm, rotary positions and SwiGLU"
