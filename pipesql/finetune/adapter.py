"""An adapter's folder: PEFT safetensors, the tokenizer with our template, and which base it belongs to.

A whole fine-tuned model as a folder: safetensors, the tokenizer with our template, and which base it comes from.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from pipesql.errors import BadInput, TrainingDiverged
from pipesql.models import ModelSource
from pipesql.storage import whole_folder, write_json
from pipesql.version import __version__

BASE_FILE = "base.json"


def base_record(source: ModelSource, details: dict[str, Any]) -> dict[str, Any]:
    """What `base.json` says: the base with its digest, `details`, and the versions of the libraries."""
    libraries = ("torch", "transformers", "peft", "trl")
    return {
        "model": source.name,
        "digest": source.digest,
        "description": source.description,
        **details,
        "versions": {"pipesql": __version__, **{name: version(name) for name in libraries}},
    }


def save_adapter(model: Any, tokenizer: Any, folder: Path, source: ModelSource, details: dict[str, Any]) -> Path:
    """Write `folder` whole or not at all, in place of an older one; returns it.

    `base.json` names the base (`model`, `digest`, `description`), the versions of the libraries, and `details`.
    Raises TrainingDiverged where a weight is not finite, BadInput where the folder cannot be written.
    """
    for name, weight in model.named_parameters():
        if weight.requires_grad and not torch.isfinite(weight).all():
            raise TrainingDiverged(f"the adapter holds numbers that are not finite ({name}); it was not saved")
    record = base_record(source, details)
    # A path of this machine's cache means nothing elsewhere: the adapter names its base as the user did.
    model.peft_config[model.active_adapter].base_model_name_or_path = source.name
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            # The embeddings are not trained; PEFT would ask the hub whether they had grown.
            model.save_pretrained(work, save_embedding_layers=False)
            tokenizer.save_pretrained(work)
            (work / "README.md").unlink(missing_ok=True)  # PEFT's card, with nothing but blanks to fill in
            write_json(work / BASE_FILE, record)
            for file in work.iterdir():
                file.chmod(0o644)
            work.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as e:
        raise BadInput(f"cannot write the adapter to {folder}: {e.strerror or e}") from e
    return folder


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
