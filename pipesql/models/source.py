"""Resolve what a user calls a model to a folder on this machine, and say what it is."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pipesql.errors import ModelUnavailable
from pipesql.records import file_digest

HUB_PRESETS = {size: f"Qwen/Qwen2.5-Coder-{size.upper()}-Instruct" for size in ("0.5b", "1.5b", "3b", "7b")}
PRESETS = ("tiny", "smol", *HUB_PRESETS)

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


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


def resolve_model(spec: str, digest: str = "") -> ModelSource:
    """The model that `spec` names (a preset, hub id or folder), fetched or made where it is not here yet.

    With `digest` (as recorded when something was trained on the model) the contents must still be the same.
    Raises ModelUnavailable, in a sentence that says which model and how to get it.
    """
    source = _resolve(spec.strip())
    if digest and source.digest != digest:
        raise ModelUnavailable(
            f"model {source.name} at {source.path} has changed: its digest is {source.digest[:12]}, "
            f"the one recorded is {digest[:12]}; restore that version or train again"
        )
    return source


def _resolve(spec: str) -> ModelSource:
    if spec == "tiny":
        from pipesql.models.tiny import tiny_source

        return tiny_source()
    if spec == "smol":
        from pipesql.models.smol import smol_source

        return smol_source()
    if spec and Path(spec).expanduser().is_dir():
        return folder_source(Path(spec).expanduser())
    hub = _HUB_ID.fullmatch(HUB_PRESETS.get(spec, spec))
    if hub and not spec.startswith("."):
        from pipesql.models.hub import hub_source

        return hub_source(spec, hub["repo"], hub["revision"] or "main")
    near = difflib.get_close_matches(spec.lower(), PRESETS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ModelUnavailable(
        f"no model called {spec!r}{hint}: give one of {', '.join(PRESETS)}, a hub id such as ORG/NAME, "
        "or a folder that exists"
    )


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
