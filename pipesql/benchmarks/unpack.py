"""A zip archive into a folder, safely: nothing lands outside it, nothing grows without bound.

Zip files may name paths that climb out of the folder, links, and a few bytes that unpack to terabytes; those made on
a Mac carry a shadow (`._x`, `__MACOSX`) of every file, which looks like a database and is none.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pipesql.errors import BadInput

_SHADOWS = ("__MACOSX", ".DS_Store")


def unpack(archive: Path, folder: Path, most_bytes: int) -> int:
    """Unpack into `folder`, archives inside included (each into a folder of its name); gives the bytes written.

    One folder that holds everything else is left out.

    `most_bytes` bounds them all. Raises BadInput: a damaged archive, a path or link that leaves the folder, too many
    bytes, no room on the disk.
    """
    written = _unpack_one(archive, folder, most_bytes, wrapper=None)
    for inner in sorted(folder.rglob("*.zip")):
        written += _unpack_one(inner, inner.with_suffix(""), most_bytes - written, wrapper=inner.stem)
        inner.unlink()
    return written


def _unpack_one(archive: Path, folder: Path, most_bytes: int, wrapper: str | None) -> int:
    """`wrapper` is the folder to leave out if everything is in it; None means whichever it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as zipped:
            members = [(info, _inside(info, archive)) for info in zipped.infolist() if not _is_shadow(info)]
            total = sum(info.file_size for info, _ in members)
            _require_room(archive, folder, total, most_bytes)
            for info, path in _files(members, wrapper):
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(info) as source, place.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)  # zipfile stops at the size that the entry declares
            return total
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as e:
        raise BadInput(f"the archive {archive} is damaged ({e}); delete it and fetch it again") from e
    except OSError as e:
        raise BadInput(f"cannot unpack {archive} into {folder}: {e.strerror or e}") from e


def _files(
    members: list[tuple[zipfile.ZipInfo, PurePosixPath]], wrapper: str | None
) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The members that are files, without the one folder that holds everything, if there is one."""
    files = [(info, path) for info, path in members if not info.is_dir()]
    tops = {path.parts[0] for _, path in files}
    wrapped = len(tops) == 1 and all(len(path.parts) > 1 for _, path in files)
    wrapped = wrapped and wrapper in (None, *tops)
    for info, path in files:
        yield info, PurePosixPath(*path.parts[1:]) if wrapped else path


def _inside(info: zipfile.ZipInfo, archive: Path) -> PurePosixPath:
    """The member's path below the folder. Raises BadInput where it would leave it."""
    path = PurePosixPath(info.filename)
    drive = path.parts and ":" in path.parts[0]
    if path.is_absolute() or drive or ".." in path.parts or "\\" in info.filename or not path.parts:
        raise BadInput(
            f"the archive {archive} holds {info.filename!r}, a path outside its folder: nothing was unpacked"
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadInput(f"the archive {archive} holds {info.filename!r}, a link: nothing was unpacked")
    return path


def _is_shadow(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    return any(part in _SHADOWS or part.startswith("._") for part in parts)


def _require_room(archive: Path, folder: Path, total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise BadInput(
            f"the archive {archive} unpacks to {total / 1e9:.2f} GB, more than the {most_bytes / 1e9:.2f} GB that are "
            "expected of it"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise BadInput(
            f"unpacking {archive} needs {total / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are free"
        )
