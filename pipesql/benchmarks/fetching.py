"""A public benchmark from the network to a folder that its reader takes: download, unpack, verify, then rename.

The folder appears whole or not at all; a benchmark that is there already is left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipesql.benchmarks.archives import ARCHIVES, Archive
from pipesql.benchmarks.checksums import LOCK, Checksums
from pipesql.benchmarks.download import download
from pipesql.benchmarks.question_files import read_entries
from pipesql.benchmarks.unpack import unpack
from pipesql.errors import BadInput
from pipesql.folders import whole_folder

FOLDER = Path("output") / "benchmarks"
"""Where benchmarks are put, each in a folder of its name."""


@dataclass(frozen=True)
class Fetched:
    """What an archive's folder holds."""

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
    say: Callable[[str], object] = lambda _: None,
    lock: Path = LOCK,
) -> list[Fetched]:
    """Put a benchmark into `folder` (default: below `FOLDER`), each of its archives verified.

    `mirrors` are places to try first, `say` is told what is going on. Raises BadInput: unknown benchmark, no network,
    no room, an archive that is damaged, unsafe, changed, or lacks databases or questions.
    """
    if benchmark not in ARCHIVES:
        raise BadInput(f"unknown benchmark {benchmark!r} to fetch; choose one of {', '.join(ARCHIVES)}")
    target = folder or FOLDER / benchmark
    archives, checksums = ARCHIVES[benchmark], Checksums(lock)
    if len(archives) == 1:
        return [_fetch_one(archives[0], target, mirrors, say, checksums)]
    return [
        _fetch_one(archive, target / archive.name.partition("-")[2], mirrors, say, checksums) for archive in archives
    ]


def _fetch_one(
    archive: Archive,
    target: Path,
    mirrors: Sequence[str],
    say: Callable[[str], object],
    checksums: Checksums,
) -> Fetched:
    if target.exists():
        found = verify(archive, target)
        say(f"already there: {found}")
        return found
    downloads = target.parent / ".downloads"
    say(f"fetching {archive.name}")
    zipped = download(archive, downloads, checksums, mirrors)
    say(f"unpacking {zipped}")
    try:
        with whole_folder(target) as scratch:
            unpack(zipped, scratch, archive.gigabytes * 10**9)
            verify(archive, scratch)
    except BadInput as e:
        raise BadInput(f"{e} (the archive is kept as {zipped}: delete it to fetch it anew)") from e
    checksums.trust(archive.name, zipped)
    zipped.unlink()
    if not any(downloads.iterdir()):
        downloads.rmdir()
    found = verify(archive, target)
    say(f"fetched {found}")
    return found


def verify(archive: Archive, folder: Path) -> Fetched:
    """What the folder holds. Raises BadInput where questions or databases are missing, or a database is none."""
    counts = {}
    for name, least in archive.questions.items():
        counts[name] = len(read_entries(folder / name))
        if counts[name] < least:
            raise BadInput(f"{folder / name} holds {counts[name]} questions; {archive.name} has at least {least}")
    databases = [path for path in folder.rglob("*.sqlite") if path.parent.name == path.stem and _is_counted(path)]
    if len(databases) < archive.databases:
        raise BadInput(f"{folder} holds {len(databases)} databases; {archive.name} has at least {archive.databases}")
    for path in databases:
        _require_sqlite(path)
    return Fetched(folder, len(databases), counts)


def _is_counted(path: Path) -> bool:
    """Not a database of Spider's test set, whose questions are not those of this benchmark's files."""
    return path.parent.parent.name != "test_database"


def _require_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as e:
        raise BadInput(f"{path} is no readable SQLite database ({e}); delete the folder and fetch it again") from e
