"""The archives of the public benchmarks: where they are published, downloading them, their checksums.

gdown transfers files from Google Drive and by plain HTTP, with ranges, retries and announced lengths. Added here:
several places for each archive (Google Drive refuses popular files at times), a check of the free space before the
first byte, detection of error pages, and checksums. The publishers give none, so the checksum of the first complete
archive is kept and later ones must equal it. Commit the file `LOCK`, so that everybody who builds from the same commit
builds from the same data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidFile, StorageError
from pipesql.progress import Progress
from pipesql.storage import file_digest, write_json

RETRIES = 3
TIMEOUT_S = 60.0


class _NoRoom(Exception):
    """Ends a transfer whose announced length does not fit on the disk."""


def download(archive: Archive, folder: Path, checksums: Checksums, mirrors: Sequence[str] = ()) -> Path:
    """Download the archive's zip file into `folder`; one that is already there is checked and kept.

    `mirrors` are tried before the archive's own places. Raises InvalidFile if no place gives a whole archive, with each
    one's reason, or if the checksum is not the known one; StorageError for a full disk or a read-only folder.
    """
    target = folder / f"{archive.name}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StorageError(
            f"cannot write the folder {folder}: {e.strerror}; make it writable, or choose another"
        ) from e
    if target.exists():
        fault = checksums.fault(archive.name, target)
        if fault is not None:
            raise InvalidFile(f"{target} {fault}; delete it to fetch it again")
        return target
    reasons = []
    for place in (*mirrors, *archive.mirrors):
        reason = _transfer(place, target) or checksums.fault(archive.name, target)
        if reason is None:
            return target
        target.unlink(missing_ok=True)
        reasons.append(f"{place} {reason}")
    raise InvalidFile(
        f"cannot download the archive {archive.name}: {'; '.join(reasons)}. Try again later (the received part is "
        "kept), give another place by --mirror, or unpack the archive yourself and give its folder as benchmark_dir"
    )


def _transfer(place: str, target: Path) -> str | None:
    """Download from one place into `target`; returns the reason if that fails."""
    import gdown
    import requests
    from gdown.exceptions import DownloadError

    partial = target.with_name(f"{hashlib.sha256(place.encode()).hexdigest()[:8]}-{target.name}")
    with Progress(target.stem, 0, "MB") as progress:
        seen: int | None = None

        def follow(received: int, total: int | None) -> None:
            nonlocal seen
            if not progress.total and total is not None:
                _require_room(target.parent, total - received)
                progress.total = total / 1e6
            if seen is None:
                progress.skip(received / 1e6)
            else:
                progress.update((received - seen) / 1e6)
            seen = received

        try:
            gdown.download(
                url=place,
                output=str(partial),
                quiet=True,
                use_cookies=False,
                resume=True,
                retries=RETRIES,
                timeout=TIMEOUT_S,
                progress=follow,
            )
        except _NoRoom as e:
            raise StorageError(str(e)) from e
        except (DownloadError, requests.exceptions.RequestException) as e:
            if isinstance(e.__cause__ or e, requests.exceptions.ConnectionError):
                return "cannot be reached"
            return _sentence(e)
        except OSError as e:
            raise StorageError(
                f"cannot write {partial}: {e.strerror or e}; free space there or make it writable"
            ) from e
    fault = _fault(partial)
    if fault is not None:
        partial.unlink()
        return fault
    partial.replace(target)
    return None


def _require_room(folder: Path, missing: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise _NoRoom(f"the download needs {_gigabytes(missing)} more in {folder}, where {_gigabytes(free)} are free")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _sentence(error: Exception) -> str:
    """The error on one line without a full stop; gdown gives the reason below the first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "failed: " + (" ".join(lines[:2]) if lines else type(error).__name__).rstrip(".:")


def _fault(path: Path) -> str | None:
    """Why the file is not a whole zip archive, or None."""
    if zipfile.is_zipfile(path):
        return None
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "answered with a web page, not with the archive (its quota may be used up)"
    return f"answered with {path.stat().st_size} bytes that are not a whole zip archive"


@dataclass(frozen=True)
class Archive:
    """One zip file: its places, of which the first that works is used, and what it must contain.

    `gigabytes` is the limit of its unpacked size, archives inside it included; `questions` is the least number of
    entries of each questions file, `databases` the least number of SQLite databases.
    """

    name: str
    mirrors: tuple[str, ...]
    gigabytes: int
    databases: int
    questions: dict[str, int]


def _drive(identity: str) -> str:
    return f"https://drive.google.com/uc?id={identity}"


SPIDER = Archive(
    name="spider",
    # the current release on https://yale-lily.github.io/spider first, then the two before it
    mirrors=(
        _drive("1403EGqzIDoHMdQF4c9Bkyl7dZLZ5Wt6J"),
        _drive("1iRDVHLr4mX2wQKSgA9J8Pire73Jahh0m"),
        _drive("1TqleXec_OykOYFREKKtschzY29dUcVAQ"),
    ),
    gigabytes=8,
    databases=166,
    questions={"train_spider.json": 7000, "train_others.json": 1659, "dev.json": 1034},
)

# https://bird-bench.github.io; the training questions name 69 databases, the development questions 11
BIRD_TRAIN = Archive(
    name="bird-train",
    mirrors=("https://bird-bench.oss-cn-beijing.aliyuncs.com/train.zip",),
    gigabytes=80,
    databases=69,
    questions={"train.json": 9428},
)
BIRD_DEV = Archive(
    name="bird-dev",
    mirrors=("https://bird-bench.oss-cn-beijing.aliyuncs.com/dev.zip",),
    gigabytes=8,
    databases=11,
    questions={"dev.json": 1534},
)

ARCHIVES: dict[str, tuple[Archive, ...]] = {"spider": (SPIDER,), "bird": (BIRD_DEV, BIRD_TRAIN)}
"""The archives of each benchmark."""

LOCK = Path("benchmarks.lock.json")
"""Archive → SHA-256 and size in bytes of the first one that was fetched and verified."""


class Checksums:
    """The checksums in a file. Raises InvalidFile or StorageError if it cannot be read or written."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.known = self._read()

    def fault(self, name: str, path: Path) -> str | None:
        """Why the file is not the archive of that name, or None; without a known checksum any file is accepted."""
        expected = self.known.get(name, {}).get("sha256")
        if expected is None or expected == (digest := file_digest(path)):
            return None
        return (
            f"is not the archive that was fetched first (its SHA-256 is {digest}, not {expected} as in {self.lock}; "
            f"if the publisher has changed it, delete the entry {name} there)"
        )

    def trust(self, name: str, path: Path) -> None:
        """Save the file's checksum as the archive's, unless one is known."""
        if name not in self.known:
            self.known[name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
            write_json(self.lock, dict(sorted(self.known.items())))

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.lock.exists():
            return {}
        try:
            known = json.loads(self.lock.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise InvalidFile(f"cannot read the checksums in {self.lock}: {e}") from e
        if not isinstance(known, dict) or not all(isinstance(entry, dict) for entry in known.values()):
            raise InvalidFile(
                f"{self.lock} is not a table of checksums; restore it, or delete it to trust the next download"
            )
        return known
