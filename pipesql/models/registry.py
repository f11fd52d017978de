"""The names of models: each is resolved to a folder on this machine, which is fetched or made where it is missing."""

from __future__ import annotations

import difflib
import re
import sys
from functools import cache
from pathlib import Path

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource, folder_source
from pipesql.models.sources import Source, sources

HUB_PRESETS = {name: source.hub for name, source in sources().items() if source.hub}
PRESETS = ("tiny", *sources())

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_COMMIT, _SHA256 = 40, 64
"""Lengths of the digests of a model from the hub and of one that was made on this machine."""


def resolve_model(spec: str, digest: str = "") -> ModelSource:
    """The model that `spec` names (a preset, hub id or folder), fetched or made where it is missing.

    With `digest` (as recorded when something was trained on the model) the contents must still be the same: of several
    places that have the model, only one with such contents is used. Raises ModelUnavailable, which names the model and
    says how to get it.
    """
    source = _resolve(spec.strip(), digest)
    if digest and source.digest != digest:
        raise ModelUnavailable(
            f"model {source.name} at {source.path} has changed: its digest is {source.digest[:12]}, but the recorded "
            f"one is {digest[:12]}; restore that version or train again"
        )
    return source


def _resolve(spec: str, digest: str) -> ModelSource:
    if spec == "tiny":
        from pipesql.models.tiny import tiny_source

        return tiny_source()
    if spec in sources():
        return _from_table(sources()[spec], digest)
    if spec and Path(spec).expanduser().is_dir():
        return folder_source(Path(spec).expanduser())
    hub = _HUB_ID.fullmatch(spec)
    if hub and not spec.startswith("."):
        from pipesql.models.hub import hub_source

        return hub_source(spec, hub["repo"], hub["revision"] or "main")
    near = difflib.get_close_matches(spec.lower(), PRESETS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ModelUnavailable(
        f"there is no model {spec!r}{hint}; pass one of {', '.join(PRESETS)}, a hub id such as ORG/NAME, "
        "or an existing folder"
    )


def _from_table(source: Source, digest: str) -> ModelSource:
    """The model of a row: from this machine, else the hub, else the package index; says which, if there is a choice.

    A digest tells which of the two places it was recorded for.
    """
    on_hub = bool(source.hub) and not (source.gguf and len(digest) == _SHA256)
    packaged = bool(source.gguf) and not (source.hub and len(digest) == _COMMIT)
    found = _on_this_machine(source, on_hub, packaged) or _fetched(source, on_hub, packaged)
    if source.hub and source.gguf:
        differs = f"unpacked from GGUF ({source.gguf.blocks}), not the original weights"
        original = len(found.digest) == _COMMIT
        _report(f"model {source.name} is {found.description}: {'the original weights' if original else differs}")
    return found


def _on_this_machine(source: Source, on_hub: bool, packaged: bool) -> ModelSource | None:
    if on_hub:
        from pipesql.models.hub import hub_copy

        if found := hub_copy(source.name, source.hub, "main"):
            return found
    if packaged:
        from pipesql.models.packages import is_converted, packaged_source

        if is_converted(source):
            return packaged_source(source)
    return None


def _fetched(source: Source, on_hub: bool, packaged: bool) -> ModelSource:
    from pipesql.models.packages import packaged_source

    if source.notice:
        _report(f"model {source.name}: {source.notice}")
    if on_hub:
        from pipesql.models.hub import hub_source

        try:
            return hub_source(source.name, source.hub, "main")
        except ModelUnavailable:
            if not packaged:
                raise
        _report(f"model {source.name}: not on this machine, and the hub does not deliver it; trying the package index")
    return packaged_source(source)


@cache
def _report(line: str) -> None:
    """Print a line on standard error, once in a process."""
    print(line, file=sys.stderr, flush=True)
