"""A whole fine-tuned model as a folder: safetensors, the tokenizer with our template, and which base it comes from."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import pipesql
from pipesql.errors import TrainingDiverged
from pipesql.finetune.adapter import BASE_FILE
from pipesql.folders import whole_folder
from pipesql.models import ModelSource
from pipesql.records import write_json


def save_whole_model(model: Any, tokenizer: Any, folder: Path, source: ModelSource, details: dict[str, Any]) -> Path:
    """Write `folder` whole or not at all, in place of an older one; returns it.

    `base.json` is that of an adapter with `"method": "full"`: it names the untrained base, although its weights are not
    needed. Raises TrainingDiverged where a weight is not finite, BadInput where the folder cannot be written.
    """
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise TrainingDiverged(f"the model holds numbers that are not finite ({name}); it was not saved")
    libraries = ("torch", "transformers", "peft", "trl")
    record = {
        "model": source.name,
        "digest": source.digest,
        "description": source.description,
        "method": "full",
        **details,
        "versions": {"pipesql": pipesql.__version__, **{name: version(name) for name in libraries}},
    }
    with whole_folder(folder) as work:
        model.save_pretrained(work)
        tokenizer.save_pretrained(work)
        write_json(work / BASE_FILE, record)
        for file in work.iterdir():
            file.chmod(0o644)  # safetensors writes for its owner alone
    return folder
