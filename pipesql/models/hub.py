"""Models of the Hugging Face hub: the copy on this machine first, the network only without one."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
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
REACH_S = 10.0
"""Seconds within which the hub must say that it has the model. Its client would look for it for minutes."""


def hub_source(name: str, repo: str, revision: str) -> ModelSource:
    """The model `repo` at `revision` (branch, tag or commit); its digest is the commit.

    A copy in the hub's cache is used as it is: `main` is what it was when fetched. `HF_HUB_OFFLINE` is respected.
    Raises ModelUnavailable.
    """
    return hub_copy(name, repo, revision) or _source(name, repo, _download(name, repo, revision))


def hub_copy(name: str, repo: str, revision: str) -> ModelSource | None:
    """The model's copy on this machine, if there is a whole one."""
    try:
        path = Path(snapshot_download(repo, revision=revision, allow_patterns=_FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return _source(name, repo, path) if _complete(path) else None


def _source(name: str, repo: str, path: Path) -> ModelSource:
    check_folder(path, f"model {name} ({repo})")
    return ModelSource(name, path, path.name, f"{repo} at {path.name[:12]}")


def _download(name: str, repo: str, revision: str) -> Path:
    try:
        _require_reachable(repo, revision)
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


def _require_reachable(repo: str, revision: str) -> None:
    """Raise OSError unless the hub says within REACH_S that it has the model; it says so before anything is fetched."""
    if constants.HF_HUB_OFFLINE:
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            HfApi().model_info(repo, revision=revision, timeout=REACH_S)
        except Exception as e:  # noqa: BLE001  its HTTP library's own errors among them
            errors.append(e)

    # In a thread, because looking up the hub's address knows no deadline.
    thread = threading.Thread(target=ask, daemon=True, name="reach the hub")
    thread.start()
    thread.join(REACH_S)
    if errors and isinstance(errors[0], HfHubHTTPError):
        raise errors[0]
    if errors or thread.is_alive():
        raise ConnectionError(f"no answer from the hub about {repo}") from (errors[0] if errors else None)


def _complete(path: Path) -> bool:
    """Whether every shard is there: an interrupted download leaves a folder too."""
    index = path / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    else:
        shards = {"model.safetensors"}
    return (path / "config.json").is_file() and all((path / shard).is_file() for shard in shards)
