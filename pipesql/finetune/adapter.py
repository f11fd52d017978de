"""The folder that training leaves: an adapter or a full model, the tokenizer with our template, and `base.json`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pipesql.errors import TrainingDiverged
from pipesql.models import ModelSource
from pipesql.models.folder import BASE_FILE, base_record
from pipesql.storage import whole_folder, write_json


def save_adapter(model: Any, tokenizer: Any, folder: Path, source: ModelSource, details: dict[str, Any]) -> Path:
    """Write a PEFT adapter to `folder` atomically, in place of an older one; returns it.

    `base.json` records the base (`model`, `digest`, `description`), the versions of the libraries, and `details`.
    Raises TrainingDiverged where a weight is not finite, StorageError where the folder cannot be written.
    """
    _require_finite(model, "adapter", trained_only=True)
    # The path of this machine's cache has no meaning elsewhere: the adapter names its base as the user did.
    model.peft_config[model.active_adapter].base_model_name_or_path = source.name
    with _model_folder(folder, tokenizer, base_record(source, details)) as work:
        # The embeddings are not trained; without this PEFT would look on the hub whether they had grown.
        model.save_pretrained(work, save_embedding_layers=False)
        (work / "README.md").unlink(missing_ok=True)  # PEFT's card, an empty form
    return folder


def save_full_model(model: Any, tokenizer: Any, folder: Path, source: ModelSource, details: dict[str, Any]) -> Path:
    """Write a fully fine-tuned model to `folder` atomically, in place of an older one; returns it.

    `base.json` is that of an adapter with `"method": "full"`; it names the base, although its weights are not needed.
    Raises TrainingDiverged where a weight is not finite, StorageError where the folder cannot be written.
    """
    _require_finite(model, "model")
    with _model_folder(folder, tokenizer, base_record(source, {**details, "method": "full"})) as work:
        model.save_pretrained(work)
    return folder


def _require_finite(model: Any, what: str, trained_only: bool = False) -> None:
    for name, weight in model.named_parameters():
        if (weight.requires_grad or not trained_only) and not torch.isfinite(weight).all():
            raise TrainingDiverged(
                f"the {what} was not saved, because weight {name} is not finite; try a lower learning_rate"
            )


@contextmanager
def _model_folder(folder: Path, tokenizer: Any, record: dict[str, Any]) -> Iterator[Path]:
    """A scratch folder for weights that becomes `folder`, with the tokenizer and `base.json`."""
    with whole_folder(folder) as work:
        yield work
        tokenizer.save_pretrained(work)
        write_json(work / BASE_FILE, record)
        for file in work.iterdir():
            file.chmod(0o644)  # safetensors writes for its owner only
