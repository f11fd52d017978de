"""The cache of models made on this machine: whole folders with a stamp, built under a lock, or not there at all.

What a loaded model is, in one digest: two models with the same one answer alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from pipesql.errors import ModelUnavailable
from pipesql.storage import file_digest, write_json

STAMP = "pipesql-stamp.json"


def cache_folder() -> Path:
    """`$PIPESQL_CACHE`, else the user's cache folder for pipesql."""
    chosen = os.environ.get("PIPESQL_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("pipesql")


def cached_folder(name: str, what: str, build: Callable[[Path], dict[str, Any]]) -> tuple[Path, str]:
    """The folder `name` of the cache and the digest of its weights; made by `build` where it is not there yet.

    `build` fills an empty folder and returns what the stamp shall say of its origin. Of several processes that ask
    at once one builds and the others wait. A folder whose files do not have the sizes on its stamp is built anew.
    Raises ModelUnavailable where the cache cannot be written.
    """
    root = cache_folder()
    folder = root / name
    if stamp := _valid_stamp(folder):
        return folder, stamp["digest"]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{name}.lock"):
            if stamp := _valid_stamp(folder):
                return folder, stamp["digest"]
            work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
            try:
                origin = build(work)
                stamp = _write_stamp(work, origin)
                shutil.rmtree(folder, ignore_errors=True)
                work.chmod(0o755)
                os.replace(work, folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as e:
        raise ModelUnavailable(
            f"cannot prepare {what} in {root}: {e.strerror or e}; free some space there, "
            "or point PIPESQL_CACHE at a folder that can be written"
        ) from e
    return folder, stamp["digest"]


def _write_stamp(folder: Path, origin: dict[str, Any]) -> dict[str, Any]:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    for file in files:
        file.chmod(0o644)
    weights = folder / "model.safetensors"
    stamp = {
        "digest": file_digest(weights),
        "origin": origin,
        "files": {file.name: file.stat().st_size for file in files},
    }
    write_json(folder / STAMP, stamp)
    return stamp


def _valid_stamp(folder: Path) -> dict[str, Any] | None:
    """The stamp, where it can be read and every file that it lists has its size."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in stamp["files"]}
    except (OSError, ValueError, KeyError):
        return None
    return stamp if sizes == stamp["files"] else None


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


@dataclass(frozen=True)
class ModelSource:
    """A model on this machine.

    `name` resolves to the same model again (an absolute path for a folder); `digest` identifies its exact contents
    (a commit for a hub model, a SHA-256 otherwise); `description` is for reports.
    """

    name: str
    path: Path
    digest: str
    description: str


def folder_source(path: Path) -> ModelSource:
    """A local folder of a transformers model; its digest covers weights, configuration and tokenizer."""
    path = path.resolve()
    check_folder(path, f"model folder {path}")
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in {".safetensors", ".json", ".jinja", ".txt", ".model"}:
            digest.update(f"{file.name} {file_digest(file)}\n".encode())
    return ModelSource(str(path), path, digest.hexdigest(), f"local folder {path.name}")


def check_folder(path: Path, what: str) -> None:
    """Raise ModelUnavailable unless the folder holds a configuration, a tokenizer and safetensors weights."""
    needed = {
        "config.json": ["config.json"],
        "a tokenizer (tokenizer.json)": ["tokenizer.json", "tokenizer.model", "vocab.json"],
        "weights (*.safetensors)": ["*.safetensors"],
    }
    missing = [label for label, names in needed.items() if not any(any(path.glob(name)) for name in names)]
    if missing:
        raise ModelUnavailable(
            f"{what} lacks {' and '.join(missing)}; download the whole model again, for example with "
            "`hf download ORG/NAME --local-dir FOLDER`, and give that folder as the model"
        )
