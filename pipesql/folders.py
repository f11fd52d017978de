"""Output folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipesql.errors import BadInput


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A scratch folder that becomes `target` when the block ends well, and vanishes when it does not.

    An older `target` is replaced, and stays as it was when the block fails. Raises BadInput where the place cannot
    be written or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as e:
        raise BadInput(_sentence(target, e)) from e
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
        raise BadInput(_sentence(target, e)) from e
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def require_writable(target: Path) -> None:
    """Raise BadInput now where `whole_folder(target)` would, before the work that is to go there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent):
            pass
    except OSError as e:
        raise BadInput(_sentence(target, e)) from e


def _sentence(target: Path, error: OSError) -> str:
    return f"cannot write the output folder {target}: {error.strerror or error}; free space there or make it writable"
