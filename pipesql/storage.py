"""Files and folders on disk: written whole or not at all, read with errors that name the line, and digested.

Everything is written under a temporary name beside its target and then renamed, so that a killed process leaves
either the old content or the new one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

from pipesql.errors import InvalidFile, StorageError
from pipesql.records import OLD_FIELDS, Record
from pipesql.version import __version__


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes. Raises StorageError if it cannot be written."""
    with whole_file(path, "wb") as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: str) -> Iterator[IO[Any]]:
    """A file (`w` text in UTF-8, `wb` bytes) that appears under `path` only when the block ends well.

    Raises StorageError if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        encoding = None if "b" in mode else "utf-8"
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115  it is closed below, before the rename
            mode, encoding=encoding, dir=path.parent, prefix=f".{path.name}.", delete=False
        )
    except OSError as e:
        raise StorageError(f"cannot write {path}: {e.strerror}; free space there or make it writable") from e
    try:
        with handle:
            yield handle
        os.chmod(handle.name, 0o644)
        os.replace(handle.name, path)
    except OSError as e:
        raise StorageError(f"cannot write {path}: {e.strerror}; free space there or make it writable") from e
    finally:
        Path(handle.name).unlink(missing_ok=True)


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """A scratch path for what writes a file by its name; the file becomes `path` when the block ends well.

    Raises StorageError if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            scratch = Path(folder) / path.name
            yield scratch
            os.replace(scratch, path)
    except OSError as e:
        raise StorageError(f"cannot write {path}: {e.strerror or e}; free space there or make it writable") from e


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A scratch folder that becomes `target` when the block ends well, and vanishes when it does not.

    An older `target` is replaced, and stays as it was when the block fails. Raises StorageError where the place cannot
    be written or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as e:
        raise StorageError(_sentence(target, e)) from e
    try:
        content = scratch / "new"
        content.mkdir()
        yield content
        if target.exists():
            os.replace(target, scratch / "old")
        os.replace(content, target)
    except OSError as e:
        if not target.exists() and (scratch / "old").exists():
            os.replace(scratch / "old", target)
        raise StorageError(_sentence(target, e)) from e
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def require_writable(target: Path) -> None:
    """Raise StorageError now where `whole_folder(target)` would, before the work that is to go there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent):
            pass
    except OSError as e:
        raise StorageError(_sentence(target, e)) from e


def _sentence(target: Path, error: OSError) -> str:
    return f"cannot write the output folder {target}: {error.strerror or error}; free space there or make it writable"


@cache
def code_version() -> dict[str, str]:
    """The package's version, and a SHA-256 over its Python sources (names and bytes, in order of name)."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return {"version": __version__, "source_sha256": digest.hexdigest()}


def content_digest(value: Any) -> str:
    """SHA-256 of a value that JSON can hold, the same whatever the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def config_name(prefix: str, config: Mapping[str, Any]) -> str:
    """`prefix-` and eight hexadecimal digits that stand for the configuration: a folder's name."""
    return f"{prefix}-{content_digest(dict(config))[:8]}"


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Write records to `path`, one JSON object a line, keys in field order; returns how many. Atomic."""
    count = 0
    with atomic_write(path) as out:
        for record in records:
            row = dataclasses.asdict(record) if dataclasses.is_dataclass(record) else record  # type: ignore[arg-type]
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl(path: Path, kind: type[Record]) -> Iterator[Record]:
    """Read records of `kind`. Raises InvalidFile with file and line where a line is not such a record."""
    for number, row in read_json_lines(path):
        yield read_record(row, kind, f"{path}, line {number}")


def read_record(row: dict[str, Any], kind: type[Record], where: str) -> Record:
    """The record of `kind` that `row` holds. Raises InvalidFile that says `where` the row stands."""
    row = {name: _renamed(value, f"{kind.__name__}.{name}") for name, value in _renamed(row, kind.__name__).items()}
    fields = {f.name: f for f in dataclasses.fields(kind)}
    required = {
        n for n, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    unknown, missing = row.keys() - fields.keys(), required - row.keys()
    if unknown or missing:
        what = f"unknown {sorted(unknown)}" if unknown else f"missing {sorted(missing)}"
        raise InvalidFile(f"{where}: not a {kind.__name__} ({what})")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return kind(**values)


def _renamed(value: Any, place: str) -> Any:
    """An object with its old field names replaced by those of now; any other value as it is."""
    old = OLD_FIELDS.get(place)
    return {old.get(name, name): field for name, field in value.items()} if old and isinstance(value, dict) else value


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of a JSON Lines file. Raises InvalidFile with the line."""
    try:
        lines = path.open(encoding="utf-8")
    except OSError as e:
        raise InvalidFile(f"cannot read {path}: {e.strerror}") from e
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as e:
                raise InvalidFile(f"{path}, line {number}: not JSON ({e.msg} at column {e.colno})") from e
            if not isinstance(row, dict):
                raise InvalidFile(f"{path}, line {number}: expected a JSON object, found {type(row).__name__}")
            yield number, row


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under `path` only when the block ends well. Raises StorageError."""
    with whole_file(path, "w") as file:
        yield file


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, indented, atomically."""
    with atomic_write(path) as out:
        json.dump(value, out, ensure_ascii=False, indent=2)
        out.write("\n")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises InvalidFile if it cannot be read."""
    try:
        with path.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise InvalidFile(f"cannot read {path}: {e.strerror}") from e
