"""The names of models: each is resolved to a folder on this machine, which is fetched or made where it is missing."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource, folder_source

HUB_PRESETS = {size: f"Qwen/Qwen2.5-Coder-{size.upper()}-Instruct" for size in ("0.5b", "1.5b", "3b", "7b")}
PRESETS = ("tiny", "smol", *HUB_PRESETS)

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


def resolve_model(spec: str, digest: str = "") -> ModelSource:
    """The model that `spec` names (a preset, hub id or folder), fetched or made where it is missing.

    With `digest` (as recorded when something was trained on the model) the contents must still be the same.
    Raises ModelUnavailable, which names the model and says how to get it.
    """
    source = _resolve(spec.strip())
    if digest and source.digest != digest:
        raise ModelUnavailable(
            f"model {source.name} at {source.path} has changed: its digest is {source.digest[:12]}, but the recorded "
            f"one is {digest[:12]}; restore that version or train again"
        )
    return source


def _resolve(spec: str) -> ModelSource:
    if spec == "tiny":
        from pipesql.models.tiny import tiny_source

        return tiny_source()
    if spec == "smol":
        from pipesql.models.packages import smol_source

        return smol_source()
    if spec and Path(spec).expanduser().is_dir():
        return folder_source(Path(spec).expanduser())
    hub = _HUB_ID.fullmatch(HUB_PRESETS.get(spec, spec))
    if hub and not spec.startswith("."):
        from pipesql.models.hub import hub_source

        return hub_source(spec, hub["repo"], hub["revision"] or "main")
    near = difflib.get_close_matches(spec.lower(), PRESETS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ModelUnavailable(
        f"there is no model {spec!r}{hint}; pass one of {', '.join(PRESETS)}, a hub id such as ORG/NAME, "
        "or an existing folder"
    )
