"""Trust on first use: the checksum of the first archive that holds what it must is kept, later ones must equal it.

`LOCK` is a file to commit, so that everybody who builds from the same commit builds from the same data.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput

LOCK = Path("benchmarks.lock.json")
"""By archive: the sha256 and size in bytes of the first that was fetched and verified."""


class Checksums:
    """The table of checksums in a file. Raises BadInput where it cannot be read or written."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.known = self._read()

    def fault(self, name: str, path: Path) -> str | None:
        """Why the file is not the archive of that name, or None; any file may be one that is not known yet."""
        expected = self.known.get(name, {}).get("sha256")
        if expected is None or expected == (digest := _sha256(path)):
            return None
        return (
            f"is not the archive that was fetched first (its sha256 is {digest}, {self.lock} says {expected}; "
            f"if the publisher has changed it, delete the entry {name} there)"
        )

    def trust(self, name: str, path: Path) -> None:
        """Write the file's checksum down as that of the archive, if none is known."""
        if name not in self.known:
            self.known[name] = {"sha256": _sha256(path), "bytes": path.stat().st_size}
            self._write()

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.lock.exists():
            return {}
        try:
            known = json.loads(self.lock.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise BadInput(f"cannot read the checksums in {self.lock}: {e}") from e
        if not isinstance(known, dict) or not all(isinstance(entry, dict) for entry in known.values()):
            raise BadInput(f"{self.lock} is no table of archives; restore it, or delete it to trust the next download")
        return known

    def _write(self) -> None:
        scratch = self.lock.with_name(f".{self.lock.name}.part")
        try:
            scratch.write_text(json.dumps(self.known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            os.replace(scratch, self.lock)
        except OSError as e:
            raise BadInput(f"cannot write {self.lock}: {e.strerror}") from e


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
