"""What must be settled before torch is loaded; every user of a model imports `pipesql.models` first."""

from __future__ import annotations

import logging
import os
import warnings


def prepare() -> None:
    """Let torch's threads wait without spinning, and keep three notices that no user can act on off the terminal.

    A spinning thread keeps the one that it waits for from running where another program wants a core too: training
    went at 28 tokens/s beside one busy process, at 99 without spinning. A setting of the user's own stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.filterwarnings("ignore", message="The pynvml package is deprecated", category=FutureWarning)
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    # "Failed to load CPU gemm_4bit_forward": of 4-bit weights, which nothing here uses on a CPU.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
