"""Models of the Hugging Face hub: the copy on this machine first, the network only without one."""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource, check_folder

_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model"]
"""The files that are downloaded: weights as safetensors only, and no code."""


def hub_source(name: str, repo: str, revision: str) -> ModelSource:
    """The model `repo` at `revision` (branch, tag or commit); its digest is the commit.

    A copy in the hub's cache is used as it is: `main` is what it was when fetched. `HF_HUB_OFFLINE` is respected.
    Raises ModelUnavailable.
    """
    try:
        path = Path(snapshot_download(repo, revision=revision, allow_patterns=_FILES, local_files_only=True))
        complete = _complete(path)
    except LocalEntryNotFoundError:
        complete = False
    if not complete:
        path = _download(name, repo, revision)
    check_folder(path, f"model {name} ({repo})")
    return ModelSource(name, path, path.name, f"{repo} at {path.name[:12]}")


def _download(name: str, repo: str, revision: str) -> Path:
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=_FILES))
    except RepositoryNotFoundError as e:
        raise ModelUnavailable(
            f"the Hugging Face hub has no model {repo} that you may read; check the name, or run `hf auth login`"
        ) from e
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HfHubHTTPError, OSError) as e:
        raise ModelUnavailable(
            f"model {name} ({repo}) is not on this machine and the Hugging Face hub cannot be reached; on a machine "
            f"with access run `hf download {repo} --local-dir FOLDER`, then pass -P model=FOLDER"
        ) from e


def _complete(path: Path) -> bool:
    """Whether every shard is there: an interrupted download leaves a folder too."""
    index = path / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    else:
        shards = {"model.safetensors"}
    return (path / "config.json").is_file() and all((path / shard).is_file() for shard in shards)
