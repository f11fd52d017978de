"""What a loaded model is, in one digest: two models with the same one answer alike."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint(model: Any, tokenizer: Any) -> str:
    """SHA-256 of the weights as they lie on the device, their types and the kind of device, the configuration that
    computes with them, and the tokenizer with its chat template. It reads every weight once."""
    import torch

    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_") and k != "transformers_version"}
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: (item[1], item[0]))
    described = {
        "config": config,
        "device": model.device.type,
        "vocabulary": words,
        "template": tokenizer.chat_template,
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
