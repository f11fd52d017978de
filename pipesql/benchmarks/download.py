"""One archive from the first place that gives it, resumed where an earlier try broke off, held against its checksum.

gdown does the transfer, of Google Drive and of plain HTTP: ranges, retries, announced lengths. Added here: several
places, room on the disk before the first byte, an error page told from an archive, and the checksum (`checksums`).
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pipesql.benchmarks.archives import Archive
from pipesql.benchmarks.checksums import Checksums
from pipesql.errors import BadInput

RETRIES = 3
TIMEOUT_S = 60.0


class _NoRoom(Exception):
    """Ends a transfer whose announced length does not fit on the disk."""


def download(archive: Archive, folder: Path, checksums: Checksums, mirrors: Sequence[str] = ()) -> Path:
    """The archive's zip file in `folder`; one that is there already is checked and kept.

    `mirrors` are tried before the archive's own places. Raises BadInput: no place gives a whole archive (each one's
    reason), no room on the disk, a checksum other than the known one, a folder that cannot be written.
    """
    target = folder / f"{archive.name}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise BadInput(f"cannot write the folder {folder}: {e.strerror}") from e
    if target.exists():
        fault = checksums.fault(archive.name, target)
        if fault is not None:
            raise BadInput(f"{target} {fault}; delete it to fetch it again")
        return target
    reasons = []
    for place in (*mirrors, *archive.mirrors):
        reason = _transfer(place, target) or checksums.fault(archive.name, target)
        if reason is None:
            return target
        target.unlink(missing_ok=True)
        reasons.append(f"{place} {reason}")
    raise BadInput(
        f"no place gives the archive {archive.name}: {'; '.join(reasons)}. Try again later (what was received is "
        "kept), name another place with --mirror, or unpack the archive yourself and give its folder as benchmark_dir"
    )


def _transfer(place: str, target: Path) -> str | None:
    """Fetch one place into `target`; gives the reason where that fails."""
    import gdown
    import requests
    from gdown.exceptions import DownloadError
    from tqdm import tqdm

    partial = target.with_name(f"{hashlib.sha256(place.encode()).hexdigest()[:8]}-{target.name}")
    with tqdm(desc=target.stem, unit="B", unit_scale=True, unit_divisor=1024) as bar:

        def progress(received: int, total: int | None) -> None:
            if bar.total is None and total is not None:
                _require_room(target.parent, total - received)
            bar.total = total
            bar.update(received - bar.n)

        try:
            gdown.download(
                url=place,
                output=str(partial),
                quiet=True,
                use_cookies=False,
                resume=True,
                retries=RETRIES,
                timeout=TIMEOUT_S,
                progress=progress,
            )
        except _NoRoom as e:
            raise BadInput(str(e)) from e
        except (DownloadError, requests.exceptions.RequestException) as e:
            if isinstance(e.__cause__ or e, requests.exceptions.ConnectionError):
                return "cannot be reached"
            return _sentence(e)
        except OSError as e:
            raise BadInput(f"cannot write {partial}: {e.strerror or e}; free space there or make it writable") from e
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
    """What failed, on one line without a full stop; gdown gives the reason below the first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "failed: " + (" ".join(lines[:2]) if lines else type(error).__name__).rstrip(".:")


def _fault(path: Path) -> str | None:
    """Why the file is no whole zip archive, or None."""
    if zipfile.is_zipfile(path):
        return None
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "answered with a web page, not with the archive (its quota may be used up)"
    return f"answered with {path.stat().st_size} bytes that are no whole zip archive"
