"""What a model is on disk: a folder of safetensors weights, a configuration and a tokenizer.

Three kinds of folders: a model as it comes (`ModelSource` says what it is called and what it holds); one that was made
on this machine and lies in the cache (`cached_folder`); and one that training left, an adapter or a model, whose
`base.json` names the base model that it comes from (`BaseRecord`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from pipesql.errors import InvalidFile, ModelUnavailable, StorageError
from pipesql.storage import file_digest, whole_folder, write_json
from pipesql.version import __version__

STAMP = "pipesql-stamp.json"
BASE_FILE = "base.json"


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
            "`hf download ORG/NAME --local-dir FOLDER`, and pass that folder as the model"
        )


def fingerprint(model: Any, tokenizer: Any) -> str:
    """SHA-256 of a loaded model: two models with the same one give the same answers.

    It covers the weights as they lie on the device, their types and the kind of device, the configuration that
    computes with them, and the tokenizer with its chat template. It reads every weight once.
    """
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


# ---- folders that training left


@dataclass(frozen=True)
class BaseRecord:
    """What `base.json` records: the base model with its digest, and how it was trained."""

    model: str
    digest: str
    recipe: str
    layout: str
    """Layout of the training samples."""
    method: str = "lora"
    """`lora`, `qlora`, or `full` where the folder holds a model rather than an adapter."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Every field of the recipe."""


def base_record(source: ModelSource, details: dict[str, Any]) -> dict[str, Any]:
    """The content of a `base.json`: the base with its digest, `details`, and the versions of the libraries."""
    libraries = ("torch", "transformers", "peft", "trl")
    return {
        "model": source.name,
        "digest": source.digest,
        "description": source.description,
        **details,
        "versions": {"pipesql": __version__, **{name: version(name) for name in libraries}},
    }


def read_base_record(folder: Path) -> BaseRecord:
    """Read the `base.json` of a folder that training left. Raises InvalidFile where it is missing or incomplete."""
    path = folder / BASE_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        named = {key: str(record[key]) for key in ("model", "digest", "recipe", "layout")}
        return BaseRecord(**named, method=record.get("method", "lora"), settings=record.get("settings", {}))
    except OSError as error:
        raise InvalidFile(
            f"{folder} is not an adapter that pipesql trained: {path.name} cannot be read ({error.strerror}); "
            "pass a folder that the step train left"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFile(
            f"{path} does not name model, digest, recipe and layout ({error}); train again to get a complete adapter"
        ) from error


# ---- folders in the cache


def cache_folder() -> Path:
    """`$PIPESQL_CACHE`, else the user's cache folder for pipesql."""
    chosen = os.environ.get("PIPESQL_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("pipesql")


def cached_folder(name: str, what: str, build: Callable[[Path], dict[str, Any]]) -> tuple[Path, str]:
    """The folder `name` of the cache and the digest of its weights; `build` makes it where it is missing.

    `build` fills an empty folder and returns what the stamp records of its origin. When several processes call this
    at once, one builds and the others wait. A folder whose files do not have the sizes on its stamp is built again.
    Raises ModelUnavailable where the cache cannot be written.
    """
    root = cache_folder()
    folder = root / name
    if stamp := _valid_stamp(folder):
        return folder, stamp["digest"]
    try:
        root.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock  # a forecast, which writes nothing, works without it

        with FileLock(root / f"{name}.lock"):
            if stamp := _valid_stamp(folder):
                return folder, stamp["digest"]
            for left in root.glob(f".{name}.*"):  # by a build that was killed
                shutil.rmtree(left, ignore_errors=True)
            with whole_folder(folder) as work:
                stamp = _write_stamp(work, build(work))
    except (OSError, StorageError) as e:
        cause = e.__cause__ or e
        raise ModelUnavailable(
            f"cannot prepare {what} in {root}: {getattr(cause, 'strerror', None) or cause}; free some space there, "
            "or point PIPESQL_CACHE at a folder that can be written"
        ) from e
    return folder, stamp["digest"]


def is_cached(name: str) -> bool:
    """Whether the folder `name` of the cache is there and whole."""
    return _valid_stamp(cache_folder() / name) is not None


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
