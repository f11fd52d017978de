"""Fetch a public benchmark into a folder: download, unpack, verify, then rename.

The folder appears whole or not at all; a benchmark that is already there is left alone. Archives are unpacked safely:
paths and links that leave the folder are refused, and so are archives that unpack to more bytes than expected. Those
made on a Mac hold a shadow (`._x`, `__MACOSX`) of every file, which looks like a database and is skipped.
"""

from __future__ import annotations

import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipesql.benchmarks.download import ARCHIVES, LOCK, Archive, Checksums, download
from pipesql.benchmarks.spider import read_entries
from pipesql.errors import BadInput, InvalidFile, InvalidOption, StorageError
from pipesql.storage import whole_folder

FOLDER = Path("output") / "benchmarks"
"""The folder of benchmarks, each in a folder of its name."""


@dataclass(frozen=True)
class Fetched:
    """The content of a fetched archive's folder."""

    folder: Path
    databases: int
    questions: dict[str, int]

    def __str__(self) -> str:
        files = ", ".join(f"{count} questions in {name}" for name, count in self.questions.items())
        return f"{self.folder}: {self.databases} databases, {files}"


def fetch(
    benchmark: str,
    folder: Path | None = None,
    mirrors: Sequence[str] = (),
    report: Callable[[str], object] = lambda _: None,
    lock: Path = LOCK,
) -> list[Fetched]:
    """Put a benchmark into `folder` (default: below `FOLDER`), each of its archives verified.

    `mirrors` are URLs to try first, `report` gets a line about each part of the work. Raises InvalidOption for an
    unknown benchmark; InvalidFile for an archive that cannot be fetched, or is damaged, unsafe, changed or incomplete;
    StorageError for a full disk.
    """
    if benchmark not in ARCHIVES:
        raise InvalidOption(f"benchmark {benchmark!r} cannot be fetched; choose one of {', '.join(ARCHIVES)}")
    target = folder or FOLDER / benchmark
    archives, checksums = ARCHIVES[benchmark], Checksums(lock)
    if len(archives) == 1:
        return [_fetch_one(archives[0], target, mirrors, report, checksums)]
    return [
        _fetch_one(archive, target / archive.name.partition("-")[2], mirrors, report, checksums) for archive in archives
    ]


def _fetch_one(
    archive: Archive,
    target: Path,
    mirrors: Sequence[str],
    report: Callable[[str], object],
    checksums: Checksums,
) -> Fetched:
    if target.exists():
        found = verify(archive, target)
        report(f"already there: {found}")
        return found
    downloads = target.parent / ".downloads"
    report(f"fetching {archive.name}")
    zipped = download(archive, downloads, checksums, mirrors)
    report(f"unpacking {zipped}")
    try:
        with whole_folder(target) as scratch:
            unpack(zipped, scratch, archive.gigabytes * 10**9)
            verify(archive, scratch)
    except BadInput as e:
        raise InvalidFile(f"{e} (the archive is kept as {zipped}; delete it to fetch it again)") from e
    checksums.trust(archive.name, zipped)
    zipped.unlink()
    if not any(downloads.iterdir()):
        downloads.rmdir()
    found = verify(archive, target)
    report(f"fetched {found}")
    return found


def verify(archive: Archive, folder: Path) -> Fetched:
    """Count the folder's content. Raises InvalidFile if questions or databases are missing or cannot be read."""
    counts = {}
    for name, least in archive.questions.items():
        counts[name] = len(read_entries(folder / name))
        if counts[name] < least:
            raise InvalidFile(f"{folder / name} holds {counts[name]} questions; {archive.name} has at least {least}")
    databases = [path for path in folder.rglob("*.sqlite") if path.parent.name == path.stem and _is_counted(path)]
    if len(databases) < archive.databases:
        raise InvalidFile(f"{folder} holds {len(databases)} databases; {archive.name} has at least {archive.databases}")
    for path in databases:
        _require_sqlite(path)
    return Fetched(folder, len(databases), counts)


def _is_counted(path: Path) -> bool:
    """Whether a database is not one of Spider's test set, whose questions are not in the benchmark's files."""
    return path.parent.parent.name != "test_database"


def _require_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as e:
        raise InvalidFile(
            f"{path} is not a readable SQLite database ({e}); delete the folder and fetch it again"
        ) from e


_SHADOWS = ("__MACOSX", ".DS_Store")


def unpack(archive: Path, folder: Path, most_bytes: int) -> int:
    """Unpack into `folder`, and archives inside into folders of their names; returns the number of bytes written.

    A single folder that holds everything else is left out. Raises InvalidFile: a damaged archive, a path or link that
    leaves the folder, more than `most_bytes`; StorageError: a full disk.
    """
    written = _unpack_one(archive, folder, most_bytes, wrapper=None)
    for inner in sorted(folder.rglob("*.zip")):
        written += _unpack_one(inner, inner.with_suffix(""), most_bytes - written, wrapper=inner.stem)
        inner.unlink()
    return written


def _unpack_one(archive: Path, folder: Path, most_bytes: int, wrapper: str | None) -> int:
    """`wrapper` is the folder to leave out if everything is in it; None for any."""
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
                    shutil.copyfileobj(source, target, 1 << 20)  # zipfile stops at the entry's declared size
            return total
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as e:
        raise InvalidFile(f"the archive {archive} is damaged ({e}); delete it and fetch it again") from e
    except OSError as e:
        raise StorageError(f"cannot unpack {archive} into {folder}: {e.strerror or e}; free space there") from e


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
    """The member's path below the folder. Raises InvalidFile if it leaves the folder."""
    path = PurePosixPath(info.filename)
    drive = path.parts and ":" in path.parts[0]
    if path.is_absolute() or drive or ".." in path.parts or "\\" in info.filename or not path.parts:
        raise InvalidFile(
            f"the archive {archive} holds {info.filename!r}, a path outside its folder; nothing was unpacked"
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InvalidFile(f"the archive {archive} holds {info.filename!r}, a link; nothing was unpacked")
    return path


def _is_shadow(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    return any(part in _SHADOWS or part.startswith("._") for part in parts)


def _require_room(archive: Path, folder: Path, total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise InvalidFile(
            f"the archive {archive} unpacks to {total / 1e9:.2f} GB, more than the expected {most_bytes / 1e9:.2f} GB"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise StorageError(
            f"unpacking {archive} needs {total / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are free"
        )
