"""Files that are there whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipesql.errors import BadInput


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes. Raises BadInput if unwritable."""
    with whole_file(path, "wb") as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: str) -> Iterator[IO[Any]]:
    """A file (`w` text in UTF-8, `wb` bytes) that appears under `path` only when the block ends well.

    Raises BadInput if unwritable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        encoding = None if "b" in mode else "utf-8"
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115  it is closed below, before the rename
            mode, encoding=encoding, dir=path.parent, prefix=f".{path.name}.", delete=False
        )
    except OSError as e:
        raise BadInput(f"cannot write {path}: {e.strerror}") from e
    try:
        with handle:
            yield handle
        os.chmod(handle.name, 0o644)
        os.replace(handle.name, path)
    except OSError as e:
        raise BadInput(f"cannot write {path}: {e.strerror}") from e
    finally:
        Path(handle.name).unlink(missing_ok=True)
