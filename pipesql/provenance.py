"""Where an output comes from: the code that made it and the configuration it was made with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pipesql


@cache
def code_version() -> dict[str, str]:
    """The package's version, and a SHA-256 over its Python sources (names and bytes, in order of name)."""
    root = Path(pipesql.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return {"version": pipesql.__version__, "source_sha256": digest.hexdigest()}


def content_digest(value: Any) -> str:
    """SHA-256 of a value that JSON can hold, the same whatever the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def config_name(prefix: str, config: Mapping[str, Any]) -> str:
    """`prefix-` and eight hexadecimal digits that stand for the configuration: a folder's name."""
    return f"{prefix}-{content_digest(dict(config))[:8]}"
