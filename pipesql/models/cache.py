"""The cache of models made on this machine: whole folders with a stamp, built under a lock, or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from pipesql.errors import ModelUnavailable
from pipesql.records import file_digest, write_json

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
