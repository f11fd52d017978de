"""A whole fine-tuned model as a folder: safetensors, the tokenizer with our template, and which base it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipesql.errors import TrainingDiverged
from pipesql.finetune.adapter import BASE_FILE, base_record
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
    record = base_record(source, {**details, "method": "full"})
    with whole_folder(folder) as work:
        model.save_pretrained(work)
        tokenizer.save_pretrained(work)
        write_json(work / BASE_FILE, record)
        for file in work.iterdir():
            file.chmod(0o644)  # safetensors writes for its owner alone
    return folder
